"""How good and how safe the advisors are, measured: `make evals`."""
