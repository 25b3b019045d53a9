"""The ground floor: the nouns of the trade and their table schemas. Nothing here reads or writes."""
