"""Who is calling: accounts, tokens, signed requests."""
