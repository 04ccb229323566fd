"""Every kind of refusal, failure and end: one class each, with its facts and the one sentence that people read."""
