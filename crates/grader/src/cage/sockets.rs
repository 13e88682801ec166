//! Which Unix socket is connected to which, asked from the kernel by netlink (`sock_diag`).
//!
//! `/proc/net/unix` lists sockets, but not their peers. A kernel without this answer gives `None`.

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

const HEADER: usize = 16;
/// `struct unix_diag_msg`, which follows the header of the answer.
const MESSAGE: usize = 16;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const UDIAG_SHOW_PEER: u32 = 4;
const UNIX_DIAG_PEER: u16 = 2;

/// The inode of the socket that the Unix socket of this inode is connected to.
pub(crate) fn peer_of(inode: u64) -> Option<u64> {
    let flags = SocketFlags::CLOEXEC;
    let kernel = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        flags,
        Some(netlink::SOCK_DIAG),
    )
    .ok()?;
    send(&kernel, &question(u32::try_from(inode).ok()?), SendFlags::empty()).ok()?;
    let mut answer = [0u8; 1024];
    // The kernel has put its answer into the queue before `send` returned.
    let (len, _) = recv(&kernel, &mut answer[..], RecvFlags::DONTWAIT).ok()?;
    peer_in(&answer[..len])
}

/// `struct nlmsghdr` and `struct unix_diag_req`.
fn question(inode: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [
        40u32,
        u32::from(SOCK_DIAG_BY_FAMILY) | u32::from(NLM_F_REQUEST) << 16,
        1,
        0,
    ] {
        bytes.extend(word.to_ne_bytes());
    }
    let family = libc::AF_UNIX as u32;
    let (any_state, any_cookie) = (u32::MAX, u32::MAX);
    for word in [family, any_state, inode, UDIAG_SHOW_PEER, any_cookie, any_cookie] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes
}

fn peer_in(answer: &[u8]) -> Option<u64> {
    let short = |at: usize| Some(u16::from_ne_bytes(answer.get(at..at + 2)?.try_into().ok()?));
    if short(4)? != SOCK_DIAG_BY_FAMILY {
        return None;
    }
    let mut at = HEADER + MESSAGE;
    loop {
        let (len, kind) = (usize::from(short(at)?), short(at + 2)?);
        if kind == UNIX_DIAG_PEER {
            return Some(u64::from(u32::from_ne_bytes(
                answer.get(at + 4..at + 8)?.try_into().ok()?,
            )));
        }
        at += len.max(4).next_multiple_of(4);
    }
}

#[cfg(test)]
mod tests {
    use super::peer_of;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    fn inode(socket: impl AsFd) -> u64 {
        rustix::fs::fstat(socket).unwrap().st_ino
    }

    #[test]
    fn the_ends_of_a_pair_are_each_others_peers() {
        let (one, other) = UnixStream::pair().unwrap();
        assert_eq!(peer_of(inode(&one)), Some(inode(&other)));
        assert_eq!(peer_of(inode(&other)), Some(inode(&one)));
        assert_eq!(peer_of(1), None);
    }
}
