"""The models: engines behind one Protocol, the process they run in, and the runtime they run on."""
