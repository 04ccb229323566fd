//! TLS 1.2 and 1.3 without I/O, as methods of EAP carry it (RFC 5216, RFC 9190): octets of the peer go in, octets for it come out.
//!
//! Nobody's private key is here: what it signs is asked of a [`Signer`]. Whether the peer's certificate is to be trusted is
//! judged elsewhere, too; here it is proved that the peer holds the certificate's key. Sessions are never resumed.

mod identity;
mod proof;

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::crypto::{aws_lc_rs, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

pub use identity::{Key, Signer};

/// Octets of a handshake, or of what is inside the tunnel, that may wait to be read.
pub const MOST_WAITING: usize = 64 * 1024;

/// Our certificates, leaf first, DER; what kind of key it has; and who signs with it.
pub struct Identity {
    pub chain: Vec<Vec<u8>>,
    pub key: Key,
    pub signer: Arc<dyn Signer>,
}

/// Why nothing more can come of it. Where TLS has an alert for that, it is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(pub String);

impl From<rustls::Error> for Fault {
    fn from(error: rustls::Error) -> Self {
        Self(error.to_string())
    }
}

/// One end of one connection.
pub struct Endpoint {
    connection: Connection,
    waiting: Vec<u8>,
}

impl Endpoint {
    /// The server. `asks`: the client must prove itself by a certificate.
    pub fn server(identity: Identity, asks: bool) -> Result<Self, Fault> {
        let provider = provider();
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(Fault::from)?;
        let builder = match asks {
            true => builder.with_client_cert_verifier(Arc::new(proof::AnyPeer::new(provider))),
            false => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(identity::Only::new(identity)));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self::of(ServerConnection::new(Arc::new(config)).map_err(Fault::from)?.into()))
    }

    /// The client of a server that is called `name`. `identity`: where the server asks for one.
    pub fn client(name: &str, identity: Option<Identity>) -> Result<Self, Fault> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(Fault::from)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(proof::AnyPeer::new(provider)));
        let mut config = match identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::new(identity::Only::new(identity))),
            None => builder.with_no_client_auth(),
        };
        config.resumption = rustls::client::Resumption::disabled();
        let name =
            ServerName::try_from(name.to_owned()).map_err(|_| Fault(format!("{name} is no name of a server")))?;
        Ok(Self::of(ClientConnection::new(Arc::new(config), name).map_err(Fault::from)?.into()))
    }

    fn of(mut connection: Connection) -> Self {
        connection.set_buffer_limit(Some(MOST_WAITING));
        Self { connection, waiting: Vec::new() }
    }

    /// Takes octets of the peer.
    pub fn receive(&mut self, octets: &[u8]) -> Result<(), Fault> {
        let mut left = octets;
        while !left.is_empty() {
            let taken = self.connection.read_tls(&mut left).map_err(|error| Fault(error.to_string()))?;
            let state = self.connection.process_new_packets().map_err(Fault::from)?;
            self.keep(state.plaintext_bytes_to_read())?;
            if taken == 0 {
                break;
            }
        }
        Ok(())
    }

    fn keep(&mut self, fresh: usize) -> Result<(), Fault> {
        if self.waiting.len() + fresh > MOST_WAITING {
            return Err(Fault(format!("the peer sent more than {MOST_WAITING} octets at once")));
        }
        let start = self.waiting.len();
        self.waiting.resize(start + fresh, 0);
        self.connection.reader().read_exact(&mut self.waiting[start..]).map_err(|error| Fault(error.to_string()))
    }

    /// What is to be sent now; empty: nothing.
    pub fn outgoing(&mut self) -> Vec<u8> {
        let mut octets = Vec::new();
        while self.connection.wants_write() && self.connection.write_tls(&mut octets).is_ok_and(|written| written > 0) {
        }
        octets
    }

    /// Whether keys and proofs are still missing.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// What came inside the tunnel.
    pub fn inside(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.waiting)
    }

    /// Sends something inside the tunnel, once it stands.
    pub fn send(&mut self, octets: &[u8]) -> Result<(), Fault> {
        self.connection.writer().write_all(octets).map_err(|error| Fault(error.to_string()))
    }

    /// Keys for others (RFC 5705, RFC 8446 §7.5). `context` None is not the same as an empty one with TLS 1.2.
    pub fn export(&self, label: &[u8], context: Option<&[u8]>, octets: usize) -> Result<Vec<u8>, Fault> {
        self.connection.export_keying_material(vec![0; octets], label, context).map_err(Fault::from)
    }

    /// The peer's certificates as they came, leaf first; empty where it showed none.
    pub fn peer_chain(&self) -> Vec<Vec<u8>> {
        let chain: &[CertificateDer<'_>] = self.connection.peer_certificates().unwrap_or_default();
        chain.iter().map(|each| each.as_ref().to_vec()).collect()
    }

    /// 0x0303 for TLS 1.2, 0x0304 for TLS 1.3; 0 before that is agreed on.
    pub fn version(&self) -> u16 {
        self.connection.protocol_version().map_or(0, u16::from)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[cfg(test)]
mod tests;
