//! Big numbers of AWS-LC, which are cleared when they go: the only place of this crate that is not safe Rust.

use std::ptr::{null_mut, NonNull};

use aws_lc_sys as lc;

/// A number that is not negative.
pub(crate) struct Number(NonNull<lc::BIGNUM>);

impl Number {
    /// From network order; as wide as it is written, zeros in front included. `None` without memory.
    pub(crate) fn new(octets: &[u8]) -> Option<Self> {
        // SAFETY: reads `len` octets of a slice that has as many, and makes a number of its own.
        NonNull::new(unsafe { lc::BN_bin2bn(octets.as_ptr(), octets.len(), null_mut()) }).map(Self)
    }

    /// In network order, with zeros in front. `None` when it is longer than that.
    pub(crate) fn octets(&self, length: usize) -> Option<Vec<u8>> {
        let mut octets = vec![0; length];
        // SAFETY: writes `length` octets into a vector that has as many; the number lives as long as `self`.
        let done = unsafe { lc::BN_bn2bin_padded(octets.as_mut_ptr(), length, self.0.as_ptr()) };
        (done == 1).then_some(octets)
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // SAFETY: nobody else has the pointer, and it is not used again.
        unsafe { lc::BN_clear_free(self.0.as_ptr()) }
    }
}

/// Memory for what comes up on the way of one computation; cleared when it goes.
struct Scratch(NonNull<lc::BN_CTX>);

impl Scratch {
    fn new() -> Option<Self> {
        // SAFETY: has no conditions.
        NonNull::new(unsafe { lc::BN_CTX_new() }).map(Self)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: nobody else has the pointer, and it is not used again.
        unsafe { lc::BN_CTX_free(self.0.as_ptr()) }
    }
}

/// An odd modulus with the parameters of Montgomery multiplication.
pub(crate) struct Montgomery {
    modulus: Number,
    parameters: NonNull<lc::BN_MONT_CTX>,
}

// SAFETY: after `new` modulus and parameters are only read, through pointers to const.
unsafe impl Send for Montgomery {}
// SAFETY: as above; every computation has a scratch and a result of its own.
unsafe impl Sync for Montgomery {}

impl Montgomery {
    /// `None` without memory, or when the modulus is even.
    pub(crate) fn new(modulus: Number) -> Option<Self> {
        let scratch = Scratch::new()?;
        // SAFETY: both pointers are valid during the call; the result is a copy of what it needs.
        let parameters = unsafe { lc::BN_MONT_CTX_new_for_modulus(modulus.0.as_ptr(), scratch.0.as_ptr()) };
        Some(Self { modulus, parameters: NonNull::new(parameters)? })
    }

    /// In a time that depends on the widths only. `None` without memory, or when `base` is not below the modulus.
    pub(crate) fn power(&self, base: &Number, exponent: &Number) -> Option<Number> {
        let (result, scratch) = (Number::new(&[])?, Scratch::new()?);
        // SAFETY: all pointers are valid during the call; only those of `result` and `scratch` are written to, and
        // nobody else has them.
        let done = unsafe {
            lc::BN_mod_exp_mont_consttime(
                result.0.as_ptr(),
                base.0.as_ptr(),
                exponent.0.as_ptr(),
                self.modulus.0.as_ptr(),
                scratch.0.as_ptr(),
                self.parameters.as_ptr(),
            )
        };
        (done == 1).then_some(result)
    }
}

impl Drop for Montgomery {
    fn drop(&mut self) {
        // SAFETY: nobody else has the pointer, and it is not used again.
        unsafe { lc::BN_MONT_CTX_free(self.parameters.as_ptr()) }
    }
}
