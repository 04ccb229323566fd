//! `lotor._native`: the packet engine and primitives of IKE as Python sees them. Glue only; `src/lotor/_native.pyi` tells the
//! same in types.

mod cbc;
mod child;
mod codec;
mod ike;
mod modp;
mod mschap;
mod objects;
mod sandbox;
mod tls;

use std::io;

use lotor_esp::child::Counters;
use lotor_pump::offload::Offloads;
use lotor_pump::{Descriptors, Engine};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// `EINVAL` on Linux: an SA pair that cannot be.
const INVALID: i32 = 22;
/// In a second.
const NANOSECONDS: f64 = 1e9;

/// The engine behind `lotor.dataplane.userspace.engine.Userspace`. Descriptors stay their owner's.
#[pyclass(frozen, module = "lotor._native")]
struct Pump(Engine);

/// octets in, octets out, packets in, packets out, replayed, forged, misdirected, limited, shed, lost, seconds of CLOCK_MONOTONIC when the last good packet came.
type Tally = (u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, Option<f64>);

/// The fields of `Offloads`.
type Switches = (bool, bool, bool, bool, bool);

#[pymethods]
impl Pump {
    #[new]
    fn new(descriptors: (i32, Vec<i32>, i32), framed: bool, outer_mtu: usize, wanted: Switches) -> PyResult<Self> {
        let (tun, udp, records) = descriptors;
        let (tun_tcp, tun_udp, udp_segment, udp_receive, segment_tail) = wanted;
        let wanted = Offloads { tun_tcp, tun_udp, udp_segment, udp_receive, segment_tail };
        Ok(Self(Engine::new(&Descriptors { tun, framed, udp, records }, outer_mtu, wanted)?))
    }

    fn offloads(&self) -> Switches {
        let on = self.0.offloads();
        (on.tun_tcp, on.tun_udp, on.udp_segment, on.udp_receive, on.segment_tail)
    }

    fn start(&self) -> PyResult<()> {
        Ok(self.0.start()?)
    }

    /// Returns when no packet is carried any more.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| self.0.stop());
    }

    fn attach_raw(&self, raw: i32) -> PyResult<()> {
        Ok(self.0.attach_raw(raw)?)
    }

    /// Keeps the interpreter's lock: the table's is held for less time than another thread would take to give it back.
    fn install(&self, child: child::Child) -> PyResult<()> {
        let specification = child.specification(lotor_pump::seed()?)?;
        self.0.install(specification).map_err(|impossible| PyOSError::new_err((INVALID, impossible.to_string())))
    }

    fn activate(&self, child: u64) {
        self.0.activate(child);
    }

    fn remove(&self, child: u64) {
        self.0.remove(child);
    }

    #[pyo3(name = "move")]
    fn set_path(&self, child: u64, path: child::Path) {
        self.0.set_path(child, path.into());
    }

    fn counters(&self, child: u64) -> Option<Tally> {
        self.0.counters(child).map(tally)
    }

    fn transmit(&self, message: &[u8], path: child::Path) -> io::Result<()> {
        self.0.transmit(message, path.into())
    }
}

fn tally(counters: Counters) -> Tally {
    (
        counters.octets_in,
        counters.octets_out,
        counters.packets_in,
        counters.packets_out,
        counters.replayed,
        counters.forged,
        counters.misdirected,
        counters.limited,
        counters.shed,
        counters.lost,
        counters.last_inbound.map(|at| at as f64 / NANOSECONDS),
    )
}

/// Octets of the largest inner packet that fits with any suite into outer datagrams of `outer_mtu` octets.
#[pyfunction]
fn device_mtu(outer_mtu: usize) -> PyResult<usize> {
    lotor_esp::size::device_mtu(outer_mtu).map_err(|unknown| PyOSError::new_err((INVALID, unknown.to_string())))
}

/// HMAC of one message, not truncated, by the names of `model.algorithms.Integrity`.
#[pyfunction]
fn hmac<'py>(py: Python<'py>, integrity: &str, key: &[u8], message: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &lotor_esp::primitive::hmac(child::integrity(integrity)?, key, message)))
}

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::cbc::Cbc;
    #[pymodule_export]
    use super::codec::Codec;
    #[pymodule_export]
    use super::ike::{derive, prf_plus, Protector};
    #[pymodule_export]
    use super::modp::Modulus;
    #[pymodule_export]
    use super::mschap::{md4, mschap_authenticator, mschap_msk, mschap_response};
    #[pymodule_export]
    use super::sandbox::{restrict_calls, restrict_files};
    #[pymodule_export]
    use super::tls::Tls;
    #[pymodule_export]
    use super::{device_mtu, hmac, Pump};
}
