//! Answers to the requests of a device.

use drover_cwmp::message::{
    AutonomousDuStateChangeCompleteResponse, AutonomousTransferCompleteResponse,
    DuStateChangeCompleteResponse, GetRpcMethodsResponse, KickedResponse, Message, RPCS, Recipient,
    RequestDownloadResponse, TransferCompleteResponse,
};
use drover_cwmp::{CwmpVersion, Fault, FaultCode};

/// The answer to a request of a device that the protocol allows at this moment (`ACS-12`).
pub(crate) fn answer(request: &Message, version: CwmpVersion) -> Message {
    match request {
        Message::GetRpcMethods(_) => methods(version).into(),
        // Transfers that nobody here asked for are acknowledged all the same (`ACS-16`).
        Message::TransferComplete(_) => TransferCompleteResponse::default().into(),
        Message::AutonomousTransferComplete(_) => {
            AutonomousTransferCompleteResponse::default().into()
        }
        Message::DuStateChangeComplete(_) => DuStateChangeCompleteResponse::default().into(),
        Message::AutonomousDuStateChangeComplete(_) => {
            AutonomousDuStateChangeCompleteResponse::default().into()
        }
        Message::RequestDownload(_) => RequestDownloadResponse::default().into(),
        Message::Kicked(kicked) => KickedResponse { next_url: kicked.next.clone() }.into(),
        _ => Fault::new(FaultCode::ACS_METHOD_NOT_SUPPORTED).into(),
    }
}

/// The RPCs that this server answers in a session of this version (`GRM-02`, `VER-02`).
fn methods(version: CwmpVersion) -> GetRpcMethodsResponse {
    let answered = RPCS
        .iter()
        .filter(|(_, to, since)| {
            matches!(to, Recipient::Acs | Recipient::Both) && *since <= version
        })
        .map(|(name, _, _)| (*name).to_owned());
    GetRpcMethodsResponse { method_list: answered.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rpc_to_an_acs_is_answered_in_its_version() {
        let newest = methods(CwmpVersion::V1_4).method_list;
        let oldest = methods(CwmpVersion::V1_0).method_list;
        assert!(newest.iter().any(|name| name == "DUStateChangeComplete"));
        assert!(oldest.iter().all(|name| !name.contains("DUState")));
        assert!(oldest.iter().any(|name| name == "GetRPCMethods"));
        assert!(newest.iter().all(|name| name != "Download"));
    }
}
