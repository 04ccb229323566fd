"""The names of events that `lotor events` gives: scripts rely on them, whatever the classes are called."""

from lotor.ike.events import Event

PUBLISHED = """ChildDown ChildUp Chosen Configured Dead Deferring Doubted Ended Judged LeftOut LoggedIn LoginRefused
LoginRound LoginSent Offered PathChanged PhaseOneUp Reached Readdressed Remark Renewed Started Turned Undeferred Up"""


def test_no_name_of_an_event_changes_and_none_is_given_twice():
    kinds = {kind.__name__: kind.public_name() for kind in Event.__subclasses__()}
    assert sorted(kinds.values()) == PUBLISHED.split()
