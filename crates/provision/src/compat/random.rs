//! The random numbers of a script: seedrandom 3.0.5 with its default generator.

/// Values of a byte: the size of the generator's state and of its key.
const WIDTH: usize = 256;

/// The numbers that `Math.random()` gives a script, which a device's id determines.
///
/// The generator is ARC4 without its first 256 bytes of output, keyed with the seed's UTF-16 code
/// units. A number takes 52 bits: six bytes, and as many more as the leading zeros cost.
#[derive(Debug, Clone)]
pub struct DeviceRandom {
    state: [u8; WIDTH],
    i: u8,
    j: u8,
}

impl DeviceRandom {
    /// The generator for a seed, which for a script is the id of its device.
    pub fn new(seed: &str) -> Self {
        let key = mixed_key(seed);
        let mut state: [u8; WIDTH] = std::array::from_fn(low_byte);
        let mut j = 0u8;
        for (i, key) in (0..WIDTH).zip(key.iter().cycle()) {
            let here = at(&state, low_byte(i));
            j = j.wrapping_add(*key).wrapping_add(here);
            state.swap(i, usize::from(j));
        }
        let mut random = Self { state, i: 0, j: 0 };
        for _ in 0..WIDTH {
            random.next_byte();
        }
        random
    }

    /// The next number, from 0 to just below 1.
    pub fn next_number(&mut self) -> f64 {
        const SIGNIFICANCE: f64 = 4_503_599_627_370_496.0;
        let mut numerator = (0..6).fold(0.0, |sum, _| sum * 256.0 + f64::from(self.next_byte()));
        let mut denominator = 281_474_976_710_656.0;
        let mut last = 0u8;
        while numerator < SIGNIFICANCE {
            numerator = (numerator + f64::from(last)) * 256.0;
            denominator *= 256.0;
            last = self.next_byte();
        }
        while numerator >= SIGNIFICANCE * 2.0 {
            numerator /= 2.0;
            denominator /= 2.0;
            last >>= 1;
        }
        (numerator + f64::from(last)) / denominator
    }

    fn next_byte(&mut self) -> u8 {
        self.i = self.i.wrapping_add(1);
        let first = at(&self.state, self.i);
        self.j = self.j.wrapping_add(first);
        let second = at(&self.state, self.j);
        self.state.swap(usize::from(self.i), usize::from(self.j));
        at(&self.state, first.wrapping_add(second))
    }
}

/// The key of at most 256 bytes into which a seed is folded; that of an empty seed is one zero.
fn mixed_key(seed: &str) -> Vec<u8> {
    let mut key: Vec<u8> = Vec::new();
    let mut smear = 0u32;
    for (place, unit) in seed.encode_utf16().enumerate() {
        let place = place % WIDTH;
        let previous = key.get(place).copied();
        smear ^= previous.map_or(0, |previous| u32::from(previous).wrapping_mul(19));
        let mixed = low_byte(usize::from(u16::from(low_byte_of(smear)).wrapping_add(unit)));
        match key.get_mut(place) {
            Some(byte) => *byte = mixed,
            None => key.push(mixed),
        }
    }
    if key.is_empty() {
        key.push(0);
    }
    key
}

fn at(state: &[u8; WIDTH], index: u8) -> u8 {
    state.get(usize::from(index)).copied().unwrap_or(0)
}

fn low_byte(number: usize) -> u8 {
    u8::try_from(number & 255).unwrap_or(0)
}

fn low_byte_of(number: u32) -> u8 {
    number.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seed: &str) -> [f64; 3] {
        let mut random = DeviceRandom::new(seed);
        std::array::from_fn(|_| random.next_number())
    }

    // The expected numbers were printed by the npm package seedrandom 3.0.5.
    #[test]
    fn any_seed_gives_the_numbers_of_seedrandom() {
        assert_eq!(first(""), [0.23144008215179881, 0.27404636548159655, 0.7901279251811976]);
        assert_eq!(first("a"), [0.43449421599986604, 0.5451403460013228, 0.3578386258898537]);
        assert_eq!(first("é€😀"), [0.8490074788251994, 0.822825204218916, 0.3359114730237331]);
        assert_eq!(
            first(&"x".repeat(255)),
            [0.9080614664401105, 0.7435925582582555, 0.7446637697076844]
        );
        assert_eq!(
            first(&"x".repeat(256)),
            [0.9080614664401105, 0.7435925582582555, 0.7446637697076844]
        );
        assert_eq!(
            first(&"ab".repeat(200)),
            [0.26861191918681826, 0.6981938432827175, 0.4668685787256614]
        );
        assert_eq!(first("5\0"), [0.8975141500470741, 0.07915606911169919, 0.9561847198954545]);
    }

    #[test]
    fn numbers_are_at_least_zero_and_below_one() {
        let mut random = DeviceRandom::new("202BC1-BM632w-000000");
        for _ in 0..100_000 {
            let number = random.next_number();
            assert!((0.0..1.0).contains(&number), "{number}");
        }
    }

    #[test]
    fn a_clone_continues_at_the_same_number() {
        let mut random = DeviceRandom::new("x");
        random.next_number();
        let mut other = random.clone();
        assert_eq!(random.next_number().to_bits(), other.next_number().to_bits());
    }
}
