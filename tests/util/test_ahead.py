from hearlog.util.ahead import ahead


def test_results_come_in_order_and_no_more_are_made_than_may_wait():
    begun = []

    def numbers():
        for number in range(100):
            begun.append(number)
            yield number

    for number, result in enumerate(ahead(lambda value: value**2, numbers(), threads=3, most=4)):
        assert result == number**2
        assert len(begun) <= number + 1 + 3 + 4
    assert len(begun) == 100
