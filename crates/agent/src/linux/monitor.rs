//! A stream of "links or addresses changed" from the kernel.

use std::sync::Arc;

use futures_util::future::join;
use futures_util::{Stream, StreamExt};
use rtnetlink::MulticastGroup;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::limits::MONITOR_REOPEN_WAIT;
use crate::linux::HostError;

/// Tells when links, addresses or routes of this network namespace change.
///
/// Changes that come before somebody asks are kept as one. The kernel drops messages when it has
/// too many of them; what it delivers is only a hint to read the present state again, so a
/// dropped message loses nothing. A subscription that breaks is opened again.
#[derive(Debug)]
pub struct NetworkMonitor {
    changed: Arc<Notify>,
    task: JoinHandle<()>,
}

impl NetworkMonitor {
    /// Subscribes to the kernel's messages. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`HostError::NetlinkOpen`].
    pub fn open() -> Result<Self, HostError> {
        let changed = Arc::new(Notify::new());
        let task = tokio::spawn(watch(subscribe()?, Arc::clone(&changed)));
        Ok(Self { changed, task })
    }

    /// Waits until something changed since the last call. Cancel safe.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Drop for NetworkMonitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A netlink connection, which has to be driven, and a sign of life for each of its messages.
type Subscription = (
    std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
    std::pin::Pin<Box<dyn Stream<Item = ()> + Send>>,
);

fn subscribe() -> Result<Subscription, HostError> {
    let groups = [
        MulticastGroup::Link,
        MulticastGroup::Ipv4Ifaddr,
        MulticastGroup::Ipv6Ifaddr,
        MulticastGroup::Ipv4Route,
        MulticastGroup::Ipv6Route,
    ];
    let (connection, _handle, messages) =
        rtnetlink::new_multicast_connection(&groups).map_err(HostError::NetlinkOpen)?;
    Ok((Box::pin(connection), Box::pin(messages.map(|_| ()))))
}

async fn watch(mut subscription: Subscription, changed: Arc<Notify>) {
    loop {
        let (connection, messages) = subscription;
        let forward = messages.for_each(|()| {
            changed.notify_one();
            std::future::ready(())
        });
        // The messages end with the connection.
        join(connection, forward).await;
        subscription = resubscribe().await;
        // What happened in between is not known.
        changed.notify_one();
    }
}

async fn resubscribe() -> Subscription {
    loop {
        warn!("the subscription to changes of the network broke and is opened again");
        tokio::time::sleep(MONITOR_REOPEN_WAIT).await;
        if let Ok(subscription) = subscribe() {
            return subscription;
        }
    }
}
