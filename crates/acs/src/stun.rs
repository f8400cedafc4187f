//! The STUN server, by which devices behind a NAT learn where they are seen (`STUN-11`). Connection
//! requests leave from its socket, so that they pass the NAT.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use drover_cwmp::auth::Credentials;
use drover_cwmp::stun::{DATAGRAM_BYTES_MAX, answer};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use crate::limits::{ACCEPT_PAUSE_MILLISECONDS, STUN_PER_SECOND, STUN_SOURCES_MAX};
use crate::net::stopped;

/// Answers until `stop` turns true.
pub(crate) async fn serve(
    socket: Arc<UdpSocket>,
    credentials: Option<Credentials>,
    mut stop: watch::Receiver<bool>,
) {
    // The address of one interface is worth telling, that of all of them is not.
    let here = socket.local_addr().ok().filter(|here| !here.ip().is_unspecified());
    let mut pace = Pace::default();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX + 1];
    loop {
        let received = tokio::select! {
            () = stopped(&mut stop) => break,
            received = socket.recv_from(&mut buffer) => received,
        };
        let (length, from) = match received {
            Ok(received) => received,
            // Also what came back of a datagram that we have sent.
            Err(error) => {
                debug!(%error, "STUN");
                sleep(Duration::from_millis(ACCEPT_PAUSE_MILLISECONDS)).await;
                continue;
            }
        };
        if !pace.admits(from.ip(), Instant::now()) {
            continue;
        }
        let seen = SocketAddr::new(from.ip().to_canonical(), from.port());
        let datagram = buffer.get(..length).unwrap_or_default();
        let Some((reply, to)) = answer(datagram, seen, here, credentials.as_ref()) else {
            debug!(peer = %seen, "no STUN request");
            continue;
        };
        // The same family as the socket's.
        let to = SocketAddr::new(from.ip(), to.port());
        if let Err(error) = socket.send_to(&reply, to).await {
            debug!(peer = %seen, %error, "STUN");
        }
    }
}

/// How much one address may ask, so that the server is no tool against somebody whose address is
/// forged.
#[derive(Debug, Default)]
struct Pace {
    second: Option<Instant>,
    asked: HashMap<IpAddr, u32>,
    is_told: bool,
}

impl Pace {
    fn admits(&mut self, address: IpAddr, now: Instant) -> bool {
        let is_over = |begun: Instant| now.duration_since(begun) >= Duration::from_secs(1);
        if self.second.is_none_or(is_over) {
            self.second = Some(now);
            self.asked.clear();
        }
        let has_room = self.asked.len() < STUN_SOURCES_MAX;
        let count = match self.asked.get_mut(&address) {
            Some(count) => count,
            None if has_room => self.asked.entry(address).or_default(),
            None => return false,
        };
        *count = count.saturating_add(1);
        if *count > STUN_PER_SECOND && !std::mem::replace(&mut self.is_told, true) {
            warn!(peer = %address, "too many STUN requests; some are left unanswered");
        }
        *count <= STUN_PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_gets_its_share_of_each_second() {
        let mut pace = Pace::default();
        let (one, two) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let now = Instant::now();
        for _ in 0..STUN_PER_SECOND {
            assert!(pace.admits(one, now));
        }
        assert!(!pace.admits(one, now) && pace.admits(two, now));
        assert!(pace.admits(one, now + Duration::from_secs(1)));
    }
}
