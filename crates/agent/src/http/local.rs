//! Which of our addresses the ACS sees.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use drover_cwmp::HttpUrl;
use tokio::net::UdpSocket;

use crate::http::HttpError;
use crate::http::client::resolve;

/// The address from which this host sends to the server of `target`, by the routes of this moment.
/// None when there is no route to any of the server's addresses.
///
/// # Errors
/// [`HttpError::Resolve`].
pub async fn local_address(target: &HttpUrl) -> Result<Option<IpAddr>, HttpError> {
    for address in resolve(target).await? {
        if let Ok(local) = source_of(address).await {
            return Ok(Some(local));
        }
    }
    Ok(None)
}

/// Connecting a datagram socket chooses the route and sends nothing.
async fn source_of(peer: SocketAddr) -> std::io::Result<IpAddr> {
    let unspecified: IpAddr = match peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((unspecified, 0)).await?;
    socket.connect(peer).await?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_address_towards_ourselves_is_the_loopback() {
        for host in ["127.0.0.1", "[::1]"] {
            let target: HttpUrl = format!("http://{host}:7547/").parse().unwrap();
            let local = local_address(&target).await.unwrap().unwrap();
            assert_eq!(local.to_string(), target.host());
        }
    }
}
