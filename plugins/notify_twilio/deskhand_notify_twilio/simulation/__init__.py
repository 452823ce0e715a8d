"""The parts of Twilio in miniature: messages, verifications, callbacks and refusals."""
