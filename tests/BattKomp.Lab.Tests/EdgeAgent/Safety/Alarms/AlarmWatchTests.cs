using BattKomp.Lab.EdgeAgent.Safety.Alarms;
using BattKomp.Lab.V1;
using CsCheck;
using Xunit;
using Kind = BattKomp.Lab.V1.AlarmRule.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Safety.Alarms;

public class AlarmWatchTests
{
    private static readonly Gen<AlarmRule> Rules =
        Gen.Select(Gen.Int[1, 4], Gen.Int[0, 4], Gen.Int[0, 4]).Select((kind, limit, over) => new AlarmRule
        {
            Id = "r",
            Kind = (Kind)kind,
            Signal = (Kind)kind == Kind.Silence ? "" : "x",
            Limit = limit,
            OverSeconds = (Kind)kind is Kind.Above or Kind.Below ? over : over + 1,
        });

    // Whole half seconds, so that the oracle's arithmetic is exact.
    private static readonly Gen<(double Second, double Value)[]> Records =
        Gen.Select(Gen.Int[1, 8], Gen.Int[-1, 5]).Array[0, 60].Select(steps =>
        {
            var at = 0.0;
            return steps.Select(s => (at += s.Item1 / 2.0, s.Item2 < 0 ? double.NaN : (double)s.Item2)).ToArray();
        });

    [Fact]
    public void Every_rule_on_every_series_changes_exactly_as_the_naive_reading_of_its_words_says() =>
        Gen.Select(Rules, Records).Sample((rule, records) =>
        {
            var watch = new AlarmWatch([rule], ["x"], 0);
            var expected = Naive(rule, records);
            for (var k = 0; k < records.Length; k++)
            {
                watch.Take(records[k].Second, records[k].Second, [records[k].Value]);
                Assert.Equal(expected[k], watch.Any);
            }
        }, iter: 5000);

    [Fact]
    public void Silence_is_noticed_while_nothing_comes_and_is_over_only_after_records_have_come_for_as_long()
    {
        var watch = new AlarmWatch([new AlarmRule { Id = "quiet", Kind = Kind.Silence, OverSeconds = 5 }], ["x"], 100);
        Assert.Empty(watch.Tick(105));
        var raised = Assert.Single(watch.Tick(105.1));
        Assert.True(raised.Raised);
        Assert.Equal(5.1, raised.Value, 6);
        Assert.Empty(watch.Tick(300));
        Assert.Empty(watch.Take(0, 301, [1]));
        Assert.Empty(watch.Tick(303));
        Assert.Empty(watch.Take(0, 305, [1]));
        Assert.False(Assert.Single(watch.Take(0, 308, [1])).Raised);
    }

    [Fact]
    public void A_value_that_wavers_about_its_limit_raises_one_alarm()
    {
        var watch = new AlarmWatch([new AlarmRule { Id = "high", Kind = Kind.Above, Signal = "x", Limit = 1 }], ["x"], 0);
        var changes = Enumerable.Range(0, 100).SelectMany(k => watch.Take(k * 0.4, k * 0.4, [k % 2 == 0 ? 1.01 : 0.99])).ToList();
        Assert.True(Assert.Single(changes).Raised);
    }

    // The words themselves: stands from the first record that meets the condition, until no record has met it for over_seconds (or 1 s).
    private static bool[] Naive(AlarmRule rule, (double Second, double Value)[] records)
    {
        var met = new bool?[records.Length];
        for (var k = 0; k < records.Length; k++)
            met[k] = Met(rule, records, k);
        var states = new bool[records.Length];
        for (var k = 0; k < records.Length; k++)
        {
            var lastMet = Array.FindLastIndex(met, k, m => m == true);
            var awayFrom = lastMet < 0 ? -1 : Array.FindIndex(met, lastMet, m => m == false);
            var delay = rule.OverSeconds > 0 ? rule.OverSeconds : 1;
            var lastJudged = Array.FindLastIndex(met, k, m => m is not null);
            states[k] = lastMet >= 0 && (awayFrom < 0 || awayFrom > k || records[lastJudged].Second - records[awayFrom].Second < delay);
        }
        return states;
    }

    private static bool? Met(AlarmRule rule, (double Second, double Value)[] records, int k)
    {
        var (second, value) = records[k];
        if (rule.Kind == Kind.Silence)
            return second - (k == 0 ? 0 : records[k - 1].Second) > rule.OverSeconds;
        if (double.IsNaN(value))
            return null;
        if (rule.Kind != Kind.Rate)
            return rule.Kind == Kind.Above ? value > rule.Limit : value < rule.Limit;
        var earlier = records[..k].Where(r => !double.IsNaN(r.Value) && r.Second <= second - rule.OverSeconds).ToList();
        return earlier.Count == 0 ? null : Math.Abs(value - earlier[^1].Value) / (second - earlier[^1].Second) > rule.Limit;
    }
}
