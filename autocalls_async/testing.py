"""For tests of programs that send: a pytest plugin and a virtual-time loop."""
