//! Values by small integer handles, so that a decision looks nothing up by name and allocates nothing.

/// Values by handle. A handle that was given back, or never given out, leads to a spare value that belongs to nobody.
#[derive(Debug, Default)]
pub struct Table<T> {
    items: Vec<T>,
    free: Vec<u32>,
    spare: T,
}

impl<T: Default> Table<T> {
    /// Keeps a value and gives its handle.
    pub fn add(&mut self, value: T) -> u32 {
        if let Some(handle) = self.free.pop() {
            *self.at_mut(handle) = value;
            return handle;
        }
        self.items.push(value);
        u32::try_from(self.items.len() - 1).unwrap_or(u32::MAX)
    }

    /// Forgets a value; its handle is given out again.
    pub fn remove(&mut self, handle: u32) {
        if let Some(value) = self.items.get_mut(handle as usize) {
            *value = T::default();
            self.free.push(handle);
        }
    }

    /// The value of a handle.
    pub fn at(&self, handle: u32) -> &T {
        self.items.get(handle as usize).unwrap_or(&self.spare)
    }

    /// The value of a handle, to change it.
    pub fn at_mut(&mut self, handle: u32) -> &mut T {
        self.items.get_mut(handle as usize).unwrap_or(&mut self.spare)
    }

    /// Every handle that was ever given out, below this number.
    pub fn handles(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.items.len()).unwrap_or(u32::MAX)
    }
}
