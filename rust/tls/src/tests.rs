use super::*;

#[test]
fn a_name_that_no_certificate_has_is_refused() {
    assert_eq!(Endpoint::client("no name", None).err(), Some(Fault("no name is no name of a server".into())));
    assert!(Endpoint::client("192.0.2.1", None).is_ok());
}

#[test]
fn a_client_begins_and_nothing_is_known_yet() {
    let mut client = Endpoint::client("vpn.example.net", None).unwrap();
    assert_eq!(client.outgoing()[0], 22, "a record of a handshake");
    assert!(client.is_handshaking());
    assert_eq!((client.version(), client.peer_chain().len()), (0, 0));
    assert!(client.export(b"client EAP encryption", None, 128).is_err());
}

#[test]
fn what_is_no_record_ends_the_connection() {
    let mut client = Endpoint::client("vpn.example.net", None).unwrap();
    client.outgoing();
    assert!(client.receive(&[0x16, 3, 3, 0, 4, 1, 2, 3, 4]).is_err());
    assert!(client.receive(&[0x17; 40]).is_err());
}
