//! `lotor.model.child.Child` as the engine takes it: read by attribute, so that the model stays the one declaration.

use std::net::{IpAddr, SocketAddr};

use lotor_esp::algorithm::{Cipher, Integrity, Suite};
use lotor_esp::child::{self, Specification};
use lotor_esp::inform::Inform;
use lotor_esp::ipcomp::Cpis;
use lotor_esp::lifetime::Limits;
use lotor_esp::network::Network;
use lotor_esp::seal::Keys;
use lotor_esp::size::Encapsulation;
use lotor_esp::Nanos;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use zeroize::Zeroizing;

#[derive(FromPyObject)]
pub(crate) struct Child {
    id: u64,
    path: Path,
    encapsulation: Named,
    suite: EspSuite,
    inbound: DirectionKeys,
    outbound: DirectionKeys,
    local_networks: Vec<IpNetwork>,
    remote_networks: Vec<IpNetwork>,
    lifetime: Lifetime,
    esp_frag: Option<usize>,
    compression: Option<IpComp>,
    replay_window: u32,
    esn: bool,
    replaces: Option<u64>,
    sending: bool,
    rate: Option<u64>,
    informed: Option<Informed>,
}

#[derive(FromPyObject)]
pub(crate) struct Path {
    local: Peer,
    remote: Peer,
    floated: bool,
}

#[derive(FromPyObject)]
struct Peer {
    address: IpAddr,
    port: u16,
}

/// A member of an enum.
#[derive(FromPyObject)]
struct Named {
    value: String,
}

#[derive(FromPyObject)]
struct EspSuite {
    cipher: Named,
    key_bits: u16,
    integrity: Option<Named>,
}

#[derive(FromPyObject)]
struct DirectionKeys {
    spi: u32,
    encryption: Revealed,
    integrity: Revealed,
}

#[derive(FromPyObject)]
struct IpComp {
    algorithm: Named,
    cpi_in: u16,
    cpi_out: u16,
}

#[derive(FromPyObject)]
struct Informed {
    client: IpAddr,
    server: IpAddr,
    options: Vec<(u8, Vec<u8>)>,
}

/// A `Secret`, revealed here and nowhere else; wiped when dropped.
struct Revealed(Zeroizing<Vec<u8>>);

#[derive(FromPyObject)]
struct IpNetwork {
    network_address: IpAddr,
    prefixlen: u8,
}

#[derive(FromPyObject)]
struct Lifetime {
    soft_seconds: Option<f64>,
    hard_seconds: Option<f64>,
    soft_octets: Option<u64>,
    hard_octets: Option<u64>,
}

impl<'py> FromPyObject<'_, 'py> for Revealed {
    type Error = PyErr;

    fn extract(secret: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let octets = secret.call_method0("reveal")?;
        Ok(Self(Zeroizing::new(octets.cast::<PyBytes>()?.as_bytes().to_vec())))
    }
}

impl From<Path> for child::Path {
    fn from(path: Path) -> Self {
        let remote = SocketAddr::new(path.remote.address, path.remote.port);
        let encapsulation = if path.floated { Encapsulation::Udp } else { Encapsulation::None };
        Self { local: path.local.address, remote, encapsulation }
    }
}

impl Child {
    /// The engine's words for the same. `OSError` for what the engine does not do.
    pub(crate) fn specification(self, iv_seed: [u8; 16]) -> PyResult<Specification> {
        let encapsulation = encapsulation(&self.encapsulation.value)?;
        Ok(Specification {
            id: self.id,
            path: child::Path { encapsulation, ..self.path.into() },
            suite: self.suite.suite()?,
            inbound: self.inbound.into(),
            outbound: self.outbound.into(),
            local_networks: networks(&self.local_networks)?,
            remote_networks: networks(&self.remote_networks)?,
            limits: self.lifetime.into(),
            largest_outer: self.esp_frag.unwrap_or(usize::MAX),
            compression: self.compression.map(IpComp::cpis).transpose()?,
            replay_window: self.replay_window,
            esn: self.esn,
            replaces: self.replaces,
            sending: self.sending,
            rate: self.rate,
            inform: self.informed.map(Informed::inform).transpose()?,
            iv_seed,
        })
    }
}

impl EspSuite {
    fn suite(&self) -> PyResult<Suite> {
        let integrity = self.integrity.as_ref().map(|name| integrity(&name.value)).transpose()?;
        Ok(Suite { cipher: cipher(&self.cipher.value)?, key_bits: self.key_bits, integrity })
    }
}

impl IpComp {
    fn cpis(self) -> PyResult<Cpis> {
        match self.algorithm.value.as_str() {
            "deflate" => Ok(Cpis { inbound: self.cpi_in, outbound: self.cpi_out }),
            other => Err(unknown("compression", other)),
        }
    }
}

impl Informed {
    fn inform(self) -> PyResult<Inform> {
        match (self.client, self.server) {
            (IpAddr::V4(client), IpAddr::V4(server)) => Ok(Inform::new(client, server, self.options)),
            _ => Err(PyValueError::new_err("DHCP has IPv4 addresses")),
        }
    }
}

impl From<DirectionKeys> for Keys {
    fn from(keys: DirectionKeys) -> Self {
        Self { spi: keys.spi, encryption: keys.encryption.0, integrity: keys.integrity.0 }
    }
}

impl From<Lifetime> for Limits {
    fn from(lifetime: Lifetime) -> Self {
        let nanos = |seconds: f64| (seconds.max(0.0) * 1e9) as Nanos;
        Self {
            soft_after: lifetime.soft_seconds.map(nanos),
            hard_after: lifetime.hard_seconds.map(nanos),
            soft_octets: lifetime.soft_octets,
            hard_octets: lifetime.hard_octets,
        }
    }
}

fn networks(networks: &[IpNetwork]) -> PyResult<Vec<Network>> {
    let network = |each: &IpNetwork| Network::new(each.network_address, each.prefixlen);
    let all: Option<Vec<Network>> = networks.iter().map(network).collect();
    all.ok_or_else(|| PyValueError::new_err("a prefix is longer than its address"))
}

fn encapsulation(value: &str) -> PyResult<Encapsulation> {
    match value {
        "udp" => Ok(Encapsulation::Udp),
        "esp" => Ok(Encapsulation::None),
        _ => Err(unknown("encapsulation", value)),
    }
}

pub(crate) fn cipher(value: &str) -> PyResult<Cipher> {
    match value {
        "aes" => Ok(Cipher::AesCbc),
        "3des" => Ok(Cipher::TripleDesCbc),
        "camellia" => Ok(Cipher::CamelliaCbc),
        "blowfish" => Ok(Cipher::BlowfishCbc),
        "cast128" => Ok(Cipher::Cast128Cbc),
        "idea" => Ok(Cipher::IdeaCbc),
        "twofish" => Ok(Cipher::TwofishCbc),
        "aes_gcm_16" => Ok(Cipher::AesGcm16),
        "chacha20_poly1305" => Ok(Cipher::ChaCha20Poly1305),
        _ => Err(unknown("cipher", value)),
    }
}

pub(crate) fn integrity(value: &str) -> PyResult<Integrity> {
    match value {
        "hmac_md5" => Ok(Integrity::HmacMd5),
        "hmac_sha1" => Ok(Integrity::HmacSha1),
        "hmac_sha256" => Ok(Integrity::HmacSha256),
        "hmac_sha384" => Ok(Integrity::HmacSha384),
        "hmac_sha512" => Ok(Integrity::HmacSha512),
        _ => Err(unknown("integrity", value)),
    }
}

fn unknown(what: &str, value: &str) -> PyErr {
    PyOSError::new_err(format!("the user-space engine knows no {what} {value}"))
}
