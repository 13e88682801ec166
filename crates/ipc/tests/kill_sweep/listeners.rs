//! Listening, accepting and connecting, with a key: who is left over is served, and the address is free for the next.

use std::time::Duration;

use core_process::{Process, StartMethod, Status};
use grader::inject::point;
use ipc::{Address, Client, ConnectError, Connection, Key, Listener, Sender, pipe};

use crate::calls::{BEGIN, EACH, END, KILL, Operation};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "listener: accept",
        faults: EACH,
        run: accepts,
    },
    Operation {
        name: "listener: connect",
        faults: EACH,
        run: connects,
    },
    Operation {
        name: "listener: a file, made and gone",
        faults: KILL,
        run: listens_at_a_file,
    },
];

/// Far longer than any of them takes.
const LONG: Duration = Duration::from_secs(20);

type Numbers = Listener<u64>;

fn client() -> Client {
    Client::new().key(&Key::new("the sweep's"))
}

fn listen(address: &Address) -> Numbers {
    let options = Numbers::options()
        .key(&Key::new("the sweep's"))
        .handshake_time(LONG);
    options.listen_at(address).unwrap()
}

fn address() -> Address {
    Address::abstract_name(format!("ipc sweep {}", std::process::id()))
}

/// One who is unharmed is served at the address.
fn serve_one(listener: &Numbers) {
    let address = listener.address().clone();
    let other = std::thread::spawn(move || {
        let server: Connection<u64> = client().connect_timeout(&address, LONG).unwrap();
        server.send(&7).unwrap();
        server.recv_timeout(LONG).unwrap()
    });
    // What the victim has left may come first, and is at its end at once.
    loop {
        let client = listener.accept_timeout(LONG).unwrap();
        if let Ok(number) = client.recv_timeout(LONG) {
            client.send(&(number * 2)).unwrap();
            break;
        }
    }
    assert_eq!(other.join().unwrap(), 14);
}

/// The victim accepts, and again if it has failed.
fn accept(address: Address, there: Sender<()>) {
    let listener = listen(&address);
    there.send(&()).unwrap();
    point(BEGIN);
    let first = listener.accept_timeout(LONG);
    point(END);
    let client = first.or_else(|_| listener.accept_timeout(LONG)).unwrap();
    client.send(&1).unwrap();
}

fn accepts() -> String {
    let address = address();
    let (sender, receiver) = pipe().unwrap();
    let child = Process::new(accept, (address.clone(), sender))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    receiver.recv_timeout(LONG).unwrap();
    let mut tries = 0;
    let outcome = loop {
        tries += 1;
        match client().connect_timeout::<u64, u64>(&address, LONG) {
            Ok(server) => {
                if server.recv_timeout(LONG).is_ok() {
                    break "served";
                }
            }
            // Sent away because of the fault, or left by the dead.
            Err(ConnectError::Closed) if tries < 3 => {}
            Err(ConnectError::NobodyListens(_)) => break "left",
            Err(error) => panic!("{error}"),
        }
    };
    let status = child.wait().unwrap();
    assert!(
        outcome == "served" || status != Status::Exited(0),
        "{status}, {outcome}"
    );
    serve_one(&listen(&address));
    outcome.to_owned()
}

/// The victim connects, and again if it has failed.
fn connect(address: Address) {
    point(BEGIN);
    let first = client().connect_timeout::<u64, u64>(&address, LONG);
    point(END);
    let server = first
        .or_else(|_| client().connect_timeout::<u64, u64>(&address, LONG))
        .unwrap();
    server.send(&1).unwrap();
}

fn connects() -> String {
    let listener = listen(&address());
    let child = Process::new(connect, listener.address().clone())
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let mut came = 0;
    while child.is_alive() {
        if let Ok(client) = listener.accept_timeout(Duration::from_millis(2)) {
            came += client.recv_timeout(LONG).unwrap_or(0);
        }
    }
    let status = child.wait().unwrap();
    while let Ok(client) = listener.try_accept() {
        came += client.recv_timeout(LONG).unwrap_or(0);
    }
    assert!(came == 1 || status != Status::Exited(0), "{status}, {came} came");
    serve_one(&listener);
    format!("{came} came ({status}), and the other")
}

fn make_and_drop(address: Address) {
    point(BEGIN);
    let listener = Numbers::at(&address);
    drop(listener);
    point(END);
}

fn listens_at_a_file() -> String {
    let directory = std::env::temp_dir().join(format!("ipc-sweep-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let path = directory.join("socket");
    let child = Process::new(make_and_drop, Address::from(path.as_path()))
        .method(StartMethod::Spawn)
        .start()
        .unwrap();
    let _ = child.wait();
    let left = path.exists();
    let listener = listen(&Address::from(path.as_path()));
    serve_one(&listener);
    drop(listener);
    // With nothing in it, or this fails.
    std::fs::remove_dir(&directory).unwrap();
    format!(
        "a file {}",
        if left {
            "was left, and replaced"
        } else {
            "was not left"
        }
    )
}
