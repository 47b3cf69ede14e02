//! The Worker: takes a request, asks core what it deserves, and does exactly that.
