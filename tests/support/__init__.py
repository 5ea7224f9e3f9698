"""What tests share: pictures, oracles, programs and browsers."""
