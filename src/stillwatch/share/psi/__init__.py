"""Private set intersection: two providers learn how many identifiers they both hold, and later perhaps which."""
