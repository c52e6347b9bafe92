"""How all values behave: frozen, masked where people read them, plain as JSON."""
