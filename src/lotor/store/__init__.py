"""What a gateway remembers on disk: one SQLite file, written by one thread. No tunnel and no login needs it to go
on."""

from lotor.store.faults import Fault, StoreFault
from lotor.store.store import Store
from lotor.store.transaction import Transaction

__all__ = ["Fault", "Store", "StoreFault", "Transaction"]
