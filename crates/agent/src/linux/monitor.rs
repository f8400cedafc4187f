//! A stream of "links or addresses changed" from the kernel.

use std::sync::Arc;

use futures_util::StreamExt;
use rtnetlink::MulticastGroup;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::linux::HostError;

/// Tells when links, addresses or routes of this network namespace change.
///
/// Changes that come before somebody asks are kept as one. The kernel drops messages when it has
/// too many of them; what it delivers is only a hint to read the present state again, so a
/// dropped message loses nothing.
#[derive(Debug)]
pub struct NetworkMonitor {
    changed: Arc<Notify>,
    tasks: [JoinHandle<()>; 2],
}

impl NetworkMonitor {
    /// Subscribes to the kernel's messages. Needs a tokio runtime.
    pub fn open() -> Result<Self, HostError> {
        let groups = [
            MulticastGroup::Link,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv6Ifaddr,
            MulticastGroup::Ipv4Route,
            MulticastGroup::Ipv6Route,
        ];
        let (connection, _handle, mut messages) =
            rtnetlink::new_multicast_connection(&groups).map_err(HostError::NetlinkOpen)?;
        let changed = Arc::new(Notify::new());
        let notify = Arc::clone(&changed);
        let read = tokio::spawn(connection);
        let forward = tokio::spawn(async move {
            while messages.next().await.is_some() {
                notify.notify_one();
            }
        });
        Ok(Self { changed, tasks: [read, forward] })
    }

    /// Waits until something changed since the last call. Cancel safe.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl Drop for NetworkMonitor {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
