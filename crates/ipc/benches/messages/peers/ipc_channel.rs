//! The crate `ipc-channel`. Its ends travel by itself alone: a guest comes to a server of the host and gets them there.

use ipc_channel::ipc::{
    IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcReceiver, IpcSender, bytes_channel, channel,
};
use serde::{Deserialize, Serialize};

/// The ends that a player has, some of them.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Ends {
    pub(crate) put_numbers: Option<IpcSender<u64>>,
    pub(crate) numbers: Option<IpcReceiver<u64>>,
    pub(crate) put_texts: Option<IpcSender<Vec<u8>>>,
    pub(crate) texts: Option<IpcReceiver<Vec<u8>>>,
    pub(crate) send_bytes: Option<IpcBytesSender>,
    pub(crate) bytes: Option<IpcBytesReceiver>,
    pub(crate) give: Option<IpcSender<u64>>,
    pub(crate) take: Option<IpcReceiver<u64>>,
}

/// An end that the player's seat has.
pub(crate) fn end<T>(end: &Option<T>) -> &T {
    end.as_ref().expect("it was handed out")
}

/// Where one guest gets its ends.
pub(crate) struct Desk {
    server: IpcOneShotServer<IpcSender<Ends>>,
    /// For the guest.
    pub(crate) name: String,
}

impl Desk {
    pub(crate) fn open() -> Self {
        let (server, name) = IpcOneShotServer::new().expect("a server is made");
        Self { server, name }
    }

    fn hand_out(self, ends: Ends) {
        let (_, to_guest) = self.server.accept().expect("the guest comes");
        to_guest.send(ends).expect("the guest is there");
    }
}

/// Hands the ends out to the guests; those of the host.
pub(crate) fn hand_out(desks: [Desk; 3]) -> Ends {
    let made = "a channel is made";
    let (put_numbers, numbers) = channel().expect(made);
    let (put_texts, texts) = channel().expect(made);
    let (send_bytes, bytes) = bytes_channel().expect(made);
    let (give_there, take_there) = channel().expect(made);
    let (give_back, take_back) = channel().expect(made);
    let [first, second, third] = desks;
    third.hand_out(Ends {
        put_numbers: Some(put_numbers.clone()),
        ..Ends::default()
    });
    second.hand_out(Ends::default());
    first.hand_out(Ends {
        put_numbers: Some(put_numbers),
        put_texts: Some(put_texts),
        send_bytes: Some(send_bytes),
        give: Some(give_back),
        take: Some(take_there),
        ..Ends::default()
    });
    Ends {
        numbers: Some(numbers),
        texts: Some(texts),
        bytes: Some(bytes),
        give: Some(give_there),
        take: Some(take_back),
        ..Ends::default()
    }
}

/// A guest's part.
pub(crate) fn fetch(name: String) -> Ends {
    let to_host = IpcSender::connect(name).expect("the host has a server");
    let (for_host, ends) = channel().expect("a channel is made");
    to_host.send(for_host).expect("the host is there");
    ends.recv().expect("the host hands out")
}
