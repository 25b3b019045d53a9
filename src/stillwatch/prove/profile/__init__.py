"""What a suspect kept and what it lost: capability and safety beside a reference. Never a proof of lineage."""
