"""Small things that scripts import from inside MoXing."""
