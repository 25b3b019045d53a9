"""Watch: the corridor of live decisions. It joins the live state, the book of orders and the sketching kernels."""
