using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Bookings.Rules;
using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Domain.Time;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Bookings;

public sealed class ProgramRuleTests
{
    private const string Channel = "rigs/a/channels/1";
    private static readonly Instant Now = Instant.FromUtc(2026, 11, 23, 8, 0);
    private static readonly BookingRequest Request = new([Channel], new TimeWindow(Now, Now + Duration.FromHours(1)));

    [Fact]
    public void A_program_within_every_limit_is_accepted_and_one_beyond_says_each_excess() =>
        Assert.Equal(["5 V", "2 V", "6 A", "80 °C"], Judge(new Ratings(5, 6, 0, 0) { MinVolt = 2, MaxCelsius = 80, MinCelsius = 20 }).Select(v => v.Actual).OrderBy(a => a[^1] switch { 'V' => a == "5 V" ? 0 : 1, 'A' => 2, _ => 3 }));

    [Fact]
    public void A_channel_that_states_no_limit_allows_everything() =>
        Assert.Empty(new ProgramRule().Evaluate(Now, Request, Facts(new Ratings(500, 500, 500, 500)) with { Allowed = new Dictionary<string, Ratings> { [Channel] = new(0, 0, 0, 0) } }));

    [Theory]
    [InlineData("LFP/graphite", 4.2, 2.5, "4.2 V")]
    [InlineData("NMC811/graphite", 4.2, 2.5, null)]
    [InlineData("NMC/LTO", 4.2, 1.5, "4.2 V")]
    [InlineData("NMC/LTO", 2.8, 1.5, null)]
    [InlineData("NMC", 4.2, 1.5, "1.5 V")]
    [InlineData("zinc-air", 9, 0.1, null)]
    public void A_program_for_another_chemistry_is_found_out_and_a_lab_manager_may_insist(string chemistry, double max, double min, string? actual)
    {
        var facts = Facts(new Ratings(max, 0, 0, 0) { MinVolt = min }) with { TestObject = new TestObjectFacts("testObjects/c", "h1", 10) { Kind = "cell", Chemistry = chemistry } };
        var found = new ProgramRule().Evaluate(Now, Request, facts with { Allowed = new Dictionary<string, Ratings>() }).ToList();
        Assert.Equal(actual, found.SingleOrDefault()?.Actual);
        Assert.All(found, v => Assert.Equal("lab-manager", v.OverridableBy));
    }

    [Theory]
    [InlineData(3600, 9, new string[0])]
    [InlineData(7200, 9, new[] { "2 h" })]
    [InlineData(3600, 12, new[] { "4 C" })]
    public void A_long_program_and_a_high_rate_are_worth_a_notice(double seconds, double ampere, string[] words)
    {
        var notices = new ProgramFacts("procedures/p/versions/1", new Ratings(0, ampere, 0, 0), seconds)
            .Notices(Duration.FromHours(1), new TestObjectFacts("testObjects/c", "h1", 10) { NominalAmpereHour = 3 }).ToList();
        Assert.Equal(words.Length, notices.Count);
        foreach (var (word, notice) in words.Zip(notices)) Assert.Contains(word, notice, StringComparison.Ordinal);
    }

    private static List<Violation> Judge(Ratings demands) => [.. new ProgramRule().Evaluate(Now, Request, Facts(demands))];

    private static BookingFacts Facts(Ratings demands) => new()
    {
        Program = new ProgramFacts("procedures/p/versions/1", demands, 60),
        Allowed = new Dictionary<string, Ratings> { [Channel] = new(4.3, 5, 10, 100) { MinVolt = 2.5, MaxCelsius = 60, MinCelsius = 0 } },
    };
}
