//! Lesson 3.4, another right answer: the ecosystem's channel. Its ends are no arguments of ours, so the service gets a name, connects
//! to it, and sends back the ends that it wants to be talked to by.

use core_process::Process;
use ipc_channel::ipc::{self, IpcOneShotServer, IpcReceiver, IpcSender};
use serde::{Deserialize, Serialize};

use super::check::{Summary, Transcript, transform};

#[derive(Serialize, Deserialize)]
enum Reply {
    Echo(Vec<u8>),
    Summary(Summary),
}

/// What the service offers: where to send messages, where to receive replies.
type Ends = (IpcSender<Vec<u8>>, IpcReceiver<Reply>);

// region serve
fn serve(name: String) {
    let (requests, messages) = ipc::channel::<Vec<u8>>().expect("a descriptor is free");
    let (replies, their_replies) = ipc::channel::<Reply>().expect("a descriptor is free");
    let hello: IpcSender<Ends> = IpcSender::connect(name).expect("the main process listens");
    // The ends go to the main process; what is left of them here is closed with the message.
    hello
        .send((requests, their_replies))
        .expect("the main process listens");
    drop(hello);
    let mut summary = Summary::default();
    while let Ok(message) = messages.recv() {
        summary.messages += 1;
        summary.bytes += message.len() as u64;
        if replies.send(Reply::Echo(transform(&message))).is_err() {
            return;
        }
    }
    replies.send(Reply::Summary(summary)).ok();
}
// end region

// region echo
pub fn echo(messages: Vec<Vec<u8>>) -> Transcript {
    let (server, name) = IpcOneShotServer::<Ends>::new().expect("a name is free");
    let service = Process::new(serve, name)
        .start()
        .expect("a process can be started");
    let (_, (requests, replies)) = server.accept().expect("the service connects");
    let mut transcript = Transcript::default();
    for message in messages {
        if requests.send(message).is_err() {
            break;
        }
        match replies.recv() {
            Ok(Reply::Echo(reply)) => transcript.replies.push(reply),
            _ => break,
        }
    }
    drop(requests);
    if let Ok(Reply::Summary(summary)) = replies.recv() {
        transcript.summary = Some(summary);
    }
    service.join().ok();
    transcript
}
// end region
