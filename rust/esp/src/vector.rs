//! Vectors of words, one for each of several messages: the only file of the crate with `unsafe`.
//!
//! A vector's methods are inlined into `Work`, and that into a function that is compiled for the processor's
//! instructions and only called when the processor has them (`Width`). Wide vectors have no name outside this file, so that
//! nobody makes one on a processor without. Whatever is not x86-64 has vectors of one word.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Words of a block, whatever the hash.
pub(crate) const BLOCK_WORDS: usize = 16;

pub(crate) type Block<V> = [V; BLOCK_WORDS];

/// The same word of LANES messages. Every method works on each word by itself.
pub(crate) trait Vector: Copy {
    type Word: Word;
    const LANES: usize;
    fn splat(word: Self::Word) -> Self;
    fn add(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    /// To the right.
    fn rotated(self, bits: u32) -> Self;
    fn shifted(self, bits: u32) -> Self;
    /// One block of each message from octet `at` on, in network order.
    fn load(messages: &[&[u8]], at: usize) -> Block<Self>;
    fn store(self, words: &mut [Self::Word]);
}

/// Something to do with vectors of any width.
pub(crate) trait Work<W> {
    /// Inlined, so that it may use what the caller may.
    fn run<V: Vector<Word = W>>(self);
}

/// How wide this processor's vectors are, as far as this file and the compiler know such. Nobody else makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Width(Bits);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bits {
    #[cfg(all(target_arch = "x86_64", knows_avx512))]
    Of512,
    #[cfg(target_arch = "x86_64")]
    Of256,
    OneWord,
}

impl Width {
    /// The widths that this processor has, the best first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let known = [
            #[cfg(all(target_arch = "x86_64", knows_avx512))]
            (Bits::Of512, is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")),
            #[cfg(target_arch = "x86_64")]
            (Bits::Of256, is_x86_feature_detected!("avx2")),
            (Bits::OneWord, true),
        ];
        known.into_iter().filter_map(|(width, there)| there.then_some(Self(width)))
    }

    pub(crate) fn lanes<W: Word>(self) -> usize {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", knows_avx512))]
            Bits::Of512 => W::Bits512::LANES,
            #[cfg(target_arch = "x86_64")]
            Bits::Of256 => W::Bits256::LANES,
            Bits::OneWord => 1,
        }
    }

    pub(crate) fn run<W: Word>(self, work: impl Work<W>) {
        match self.0 {
            // SAFETY: only `all` makes widths, and it asked the processor for exactly these.
            #[cfg(all(target_arch = "x86_64", knows_avx512))]
            Bits::Of512 => unsafe { with_avx512::<W>(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Bits::Of256 => unsafe { with_avx2::<W>(work) },
            Bits::OneWord => work.run::<W>(),
        }
    }
}

/// # Safety
/// The processor has AVX-512F and AVX-512BW.
#[cfg(all(target_arch = "x86_64", knows_avx512))]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn with_avx512<W: Word>(work: impl Work<W>) {
    work.run::<W::Bits512>();
}

/// # Safety
/// The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn with_avx2<W: Word>(work: impl Work<W>) {
    work.run::<W::Bits256>();
}

/// The wide vectors of a word. Private, so that only `Width::run` can name them.
trait Wide: Vector<Word = Self> {
    #[cfg(target_arch = "x86_64")]
    type Bits256: Vector<Word = Self>;
    #[cfg(all(target_arch = "x86_64", knows_avx512))]
    type Bits512: Vector<Word = Self>;
}

/// A word of a hash, which is a vector of one lane as well.
#[allow(private_bounds)] // see `Wide`
pub(crate) trait Word: Wide + Default + zeroize::Zeroize + Send + Sync + 'static {
    /// In network order, into as many octets as `out` has.
    fn write(self, out: &mut [u8]);
}

macro_rules! scalar {
    ($word:ty, $avx2:ident, $avx512:ident) => {
        impl Wide for $word {
            #[cfg(target_arch = "x86_64")]
            type Bits256 = $avx2;
            #[cfg(all(target_arch = "x86_64", knows_avx512))]
            type Bits512 = $avx512;
        }

        impl Word for $word {
            fn write(self, out: &mut [u8]) {
                out.copy_from_slice(&self.to_be_bytes());
            }
        }

        impl Vector for $word {
            type Word = $word;
            const LANES: usize = 1;

            #[inline(always)]
            fn splat(word: $word) -> Self {
                word
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                self ^ other
            }
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                self & other
            }
            #[inline(always)]
            fn or(self, other: Self) -> Self {
                self | other
            }
            #[inline(always)]
            fn rotated(self, bits: u32) -> Self {
                self.rotate_right(bits)
            }
            #[inline(always)]
            fn shifted(self, bits: u32) -> Self {
                self >> bits
            }
            #[inline(always)]
            fn load(messages: &[&[u8]], at: usize) -> Block<Self> {
                let mut block = [0; BLOCK_WORDS];
                let octets = messages[0][at..].chunks_exact(size_of::<$word>());
                for (word, octets) in block.iter_mut().zip(octets) {
                    *word = <$word>::from_be_bytes(octets.try_into().expect("chunks have a word's length"));
                }
                block
            }
            #[inline(always)]
            fn store(self, words: &mut [$word]) {
                words[0] = self;
            }
        }
    };
}

scalar!(u32, Avx2Words, Avx512Words);
scalar!(u64, Avx2Longs, Avx512Longs);

/// A vector of the processor: how to call its instructions, and how rows become columns.
#[cfg(target_arch = "x86_64")]
macro_rules! vector {
    ($name:ident: $lanes:literal of $word:ident in $register:ident, $signed:ty;
     $splat:ident $add:ident $xor:ident $and:ident $or:ident $load:ident $store:ident;
     rotate $rotate:expr; shift $shift:ident; swap $swap:expr; columns $columns:ident) => {
        #[derive(Clone, Copy)]
        struct $name($register);

        // SAFETY of every block: the type is private, and only `with_avx2` or `with_avx512` hands it to a `Work`, which has
        // no value of it to keep. `Width::run` calls those after the processor was asked. None of the functions touches
        // memory but through references of the right size.
        impl Vector for $name {
            type Word = $word;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(word: $word) -> Self {
                // SAFETY: see above.
                Self(unsafe { $splat(word as $signed) })
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $add(self.0, other.0) })
            }
            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $xor(self.0, other.0) })
            }
            #[inline(always)]
            fn and(self, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $and(self.0, other.0) })
            }
            #[inline(always)]
            fn or(self, other: Self) -> Self {
                // SAFETY: see above.
                Self(unsafe { $or(self.0, other.0) })
            }
            #[inline(always)]
            fn rotated(self, bits: u32) -> Self {
                // SAFETY: see above.
                Self(unsafe { $rotate(self.0, bits) })
            }
            #[inline(always)]
            fn shifted(self, bits: u32) -> Self {
                // SAFETY: see above.
                Self(unsafe { $shift(self.0, $splat(bits as $signed)) })
            }
            #[inline(always)]
            fn load(messages: &[&[u8]], at: usize) -> Block<Self> {
                let mut block = [Self::splat(0); BLOCK_WORDS];
                for (number, columns) in block.chunks_exact_mut($lanes).enumerate() {
                    let mut rows = [Self::splat(0).0; $lanes];
                    let start = at + number * size_of::<$register>();
                    for (row, message) in rows.iter_mut().zip(messages) {
                        let octets = &message[start..start + size_of::<$register>()];
                        // SAFETY: see above; the load wants no alignment, and the octets are a whole register.
                        *row = unsafe { $swap($load(octets.as_ptr().cast())) };
                    }
                    // SAFETY: see above.
                    let made = unsafe { $columns(rows) };
                    columns.iter_mut().zip(made).for_each(|(column, made)| *column = Self(made));
                }
                block
            }
            #[inline(always)]
            fn store(self, words: &mut [$word]) {
                let words = &mut words[..$lanes];
                // SAFETY: see above; the store wants no alignment, and the words are a whole register.
                unsafe { $store(words.as_mut_ptr().cast(), self.0) };
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
vector!(Avx2Words: 8 of u32 in __m256i, i32;
    _mm256_set1_epi32 _mm256_add_epi32 _mm256_xor_si256 _mm256_and_si256 _mm256_or_si256
    _mm256_loadu_si256 _mm256_storeu_si256;
    rotate |x, bits: u32| {
        let (left, right) = (_mm256_set1_epi32(32 - bits as i32), _mm256_set1_epi32(bits as i32));
        _mm256_or_si256(_mm256_srlv_epi32(x, right), _mm256_sllv_epi32(x, left))
    };
    shift _mm256_srlv_epi32;
    swap |x| _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(swap_words()));
    columns columns_8_of_32);
#[cfg(target_arch = "x86_64")]
vector!(Avx2Longs: 4 of u64 in __m256i, i64;
    _mm256_set1_epi64x _mm256_add_epi64 _mm256_xor_si256 _mm256_and_si256 _mm256_or_si256
    _mm256_loadu_si256 _mm256_storeu_si256;
    rotate |x, bits: u32| {
        let (left, right) = (_mm256_set1_epi64x(64 - i64::from(bits)), _mm256_set1_epi64x(bits.into()));
        _mm256_or_si256(_mm256_srlv_epi64(x, right), _mm256_sllv_epi64(x, left))
    };
    shift _mm256_srlv_epi64;
    swap |x| _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(swap_longs()));
    columns columns_4_of_64);
#[cfg(all(target_arch = "x86_64", knows_avx512))]
vector!(Avx512Words: 16 of u32 in __m512i, i32;
    _mm512_set1_epi32 _mm512_add_epi32 _mm512_xor_si512 _mm512_and_si512 _mm512_or_si512
    _mm512_loadu_si512 _mm512_storeu_si512;
    rotate |x, bits: u32| _mm512_rorv_epi32(x, _mm512_set1_epi32(bits as i32));
    shift _mm512_srlv_epi32;
    swap |x| _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(swap_words()));
    columns columns_16_of_32);
#[cfg(all(target_arch = "x86_64", knows_avx512))]
vector!(Avx512Longs: 8 of u64 in __m512i, i64;
    _mm512_set1_epi64 _mm512_add_epi64 _mm512_xor_si512 _mm512_and_si512 _mm512_or_si512
    _mm512_loadu_si512 _mm512_storeu_si512;
    rotate |x, bits: u32| _mm512_rorv_epi64(x, _mm512_set1_epi64(bits.into()));
    shift _mm512_srlv_epi64;
    swap |x| _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(swap_longs()));
    columns columns_8_of_64);

/// # Safety
/// The processor has SSE2, as every x86-64 has.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn swap_words() -> __m128i {
    // SAFETY: as said.
    unsafe { _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3) }
}

/// # Safety
/// The processor has SSE2, as every x86-64 has.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn swap_longs() -> __m128i {
    // SAFETY: as said.
    unsafe { _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7) }
}

/// # Safety
/// The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn columns_4_of_64(r: [__m256i; 4]) -> [__m256i; 4] {
    // SAFETY: as said.
    unsafe {
        let (a, b) = (_mm256_unpacklo_epi64(r[0], r[1]), _mm256_unpackhi_epi64(r[0], r[1]));
        let (c, d) = (_mm256_unpacklo_epi64(r[2], r[3]), _mm256_unpackhi_epi64(r[2], r[3]));
        let low = [_mm256_permute2x128_si256::<0x20>(a, c), _mm256_permute2x128_si256::<0x20>(b, d)];
        let high = [_mm256_permute2x128_si256::<0x31>(a, c), _mm256_permute2x128_si256::<0x31>(b, d)];
        [low[0], low[1], high[0], high[1]]
    }
}

/// # Safety
/// The processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn columns_8_of_32(r: [__m256i; 8]) -> [__m256i; 8] {
    let mut columns = r;
    for half in 0..2 {
        let r = &r[4 * half..];
        // SAFETY: as said.
        unsafe {
            let (a, b) = (_mm256_unpacklo_epi32(r[0], r[1]), _mm256_unpackhi_epi32(r[0], r[1]));
            let (c, d) = (_mm256_unpacklo_epi32(r[2], r[3]), _mm256_unpackhi_epi32(r[2], r[3]));
            columns[4 * half] = _mm256_unpacklo_epi64(a, c);
            columns[4 * half + 1] = _mm256_unpackhi_epi64(a, c);
            columns[4 * half + 2] = _mm256_unpacklo_epi64(b, d);
            columns[4 * half + 3] = _mm256_unpackhi_epi64(b, d);
        }
    }
    let mut made = columns;
    for at in 0..4 {
        // SAFETY: as said.
        unsafe {
            made[at] = _mm256_permute2x128_si256::<0x20>(columns[at], columns[at + 4]);
            made[at + 4] = _mm256_permute2x128_si256::<0x31>(columns[at], columns[at + 4]);
        }
    }
    made
}

/// The 4 × 4 matrix of 128 bits whose rows are `r`, turned.
///
/// # Safety
/// The processor has AVX-512F.
#[cfg(all(target_arch = "x86_64", knows_avx512))]
#[inline(always)]
unsafe fn turn_quarters(r: [__m512i; 4]) -> [__m512i; 4] {
    // SAFETY: as said.
    unsafe {
        let (a, b) = (_mm512_shuffle_i32x4::<0x44>(r[0], r[1]), _mm512_shuffle_i32x4::<0xee>(r[0], r[1]));
        let (c, d) = (_mm512_shuffle_i32x4::<0x44>(r[2], r[3]), _mm512_shuffle_i32x4::<0xee>(r[2], r[3]));
        [
            _mm512_shuffle_i32x4::<0x88>(a, c),
            _mm512_shuffle_i32x4::<0xdd>(a, c),
            _mm512_shuffle_i32x4::<0x88>(b, d),
            _mm512_shuffle_i32x4::<0xdd>(b, d),
        ]
    }
}

/// # Safety
/// The processor has AVX-512F.
#[cfg(all(target_arch = "x86_64", knows_avx512))]
#[inline(always)]
unsafe fn columns_16_of_32(r: [__m512i; 16]) -> [__m512i; 16] {
    let mut quarters = r;
    for four in 0..4 {
        let r = &r[4 * four..];
        // SAFETY: as said.
        unsafe {
            let (a, b) = (_mm512_unpacklo_epi32(r[0], r[1]), _mm512_unpackhi_epi32(r[0], r[1]));
            let (c, d) = (_mm512_unpacklo_epi32(r[2], r[3]), _mm512_unpackhi_epi32(r[2], r[3]));
            quarters[4 * four] = _mm512_unpacklo_epi64(a, c);
            quarters[4 * four + 1] = _mm512_unpackhi_epi64(a, c);
            quarters[4 * four + 2] = _mm512_unpacklo_epi64(b, d);
            quarters[4 * four + 3] = _mm512_unpackhi_epi64(b, d);
        }
    }
    let mut made = quarters;
    for at in 0..4 {
        // SAFETY: as said.
        let turned = unsafe { turn_quarters([quarters[at], quarters[at + 4], quarters[at + 8], quarters[at + 12]]) };
        turned.into_iter().enumerate().for_each(|(quarter, column)| made[4 * quarter + at] = column);
    }
    made
}

/// # Safety
/// The processor has AVX-512F.
#[cfg(all(target_arch = "x86_64", knows_avx512))]
#[inline(always)]
unsafe fn columns_8_of_64(r: [__m512i; 8]) -> [__m512i; 8] {
    // SAFETY: as said.
    unsafe {
        let low = |at: usize| _mm512_unpacklo_epi64(r[at], r[at + 1]);
        let high = |at: usize| _mm512_unpackhi_epi64(r[at], r[at + 1]);
        let even = turn_quarters([low(0), low(2), low(4), low(6)]);
        let odd = turn_quarters([high(0), high(2), high(4), high(6)]);
        [even[0], odd[0], even[1], odd[1], even[2], odd[2], even[3], odd[3]]
    }
}
