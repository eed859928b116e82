"""The model that judges crashes must itself catch what is wrong, and take what is right."""
import unittest

from disk_model import BASE, Model, extent


class ModelTest(unittest.TestCase):
    def setUp(self):
        self.model = Model(8, BASE)

    def test_an_unsent_sector_holds_what_it_held(self):
        self.assertEqual(self.model.possible(0), {BASE})

    def test_a_write_may_be_lost_until_a_flush_that_was_sent_after_it(self):
        write = self.model.send(0, 1)
        self.assertEqual(self.model.possible(0), {BASE, write.version})
        self.model.acknowledge(write)
        self.assertEqual(self.model.possible(0), {BASE, write.version})
        self.assertEqual(self.model.visible(0, self.model.tick()), {write.version})
        self.model.flushed(self.model.tick())
        self.assertEqual(self.model.possible(0), {write.version})

    def test_a_flush_that_was_sent_before_the_acknowledgement_promises_nothing(self):
        write = self.model.send(0, 1)
        flush = self.model.tick()
        self.model.acknowledge(write)
        self.model.flushed(flush)
        self.assertEqual(self.model.possible(0), {BASE, write.version})

    def test_two_writes_at_once_leave_either(self):
        first, second = self.model.send(0, 1), self.model.send(0, 1)
        self.model.acknowledge(first)
        self.model.acknowledge(second)
        self.model.flushed(self.model.tick())
        self.assertEqual(self.model.possible(0), {first.version, second.version})

    def test_forced_access_makes_only_its_own_sectors_durable(self):
        write = self.model.send(0, 2)
        self.model.acknowledge(write, [0])
        self.assertEqual(self.model.possible(0), {write.version})
        self.assertEqual(self.model.possible(1), {BASE, write.version})

    def test_a_write_after_a_flush_may_be_lost_but_not_the_one_before(self):
        first = self.model.send(0, 1)
        self.model.acknowledge(first)
        self.model.flushed(self.model.tick())
        second = self.model.send(0, 1)
        self.model.acknowledge(second)
        self.assertEqual(self.model.possible(0), {first.version, second.version})

    def test_a_read_may_see_what_is_sent_before_its_answer_but_nothing_that_was_over_before_it(self):
        first, second = (self.model.send(0, 1) for _ in range(2))
        self.model.acknowledge(first)
        third = self.model.send(0, 1)
        self.model.acknowledge(third)
        seen = self.model.look(0, 1)
        fourth = self.model.send(0, 1)
        self.model.acknowledge(fourth)
        self.model.flushed(self.model.tick())
        self.assertEqual(seen, [{second.version, third.version, fourth.version}])
        self.model.looked(0, seen, extent(0, 1, third.version))
        seen = self.model.look(0, 1)
        with self.assertRaises(AssertionError):
            self.model.looked(0, seen, extent(0, 1, third.version))

    def test_half_a_sector_and_a_sector_of_another_place_are_found_out(self):
        half = extent(0, 1, BASE)[:256] + bytes(256)
        for data in (half, extent(1, 1, BASE), bytes(512)):
            with self.assertRaises(AssertionError):
                self.model.found(0, data, self.model.possible)


if __name__ == "__main__":
    unittest.main()
