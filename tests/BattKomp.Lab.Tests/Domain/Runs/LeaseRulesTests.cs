using BattKomp.Lab.Domain.Runs;
using BattKomp.Lab.Domain.Time;
using CsCheck;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Domain.Runs;

public class LeaseRulesTests
{
    private static readonly Instant Sent = Instant.FromUtc(2026, 11, 23, 8, 0);
    private static readonly TimeWindow Window = new(Sent + Duration.FromMinutes(10), Sent + Duration.FromMinutes(70));
    private static readonly Gen<Duration> Minutes = Gen.Double[0, 120].Select(Duration.FromMinutes);

    [Theory]
    [InlineData(9.9, LeasePhase.NotYet)]
    [InlineData(10, LeasePhase.Active)]
    [InlineData(69.9, LeasePhase.Active)]
    [InlineData(70, LeasePhase.Over)]
    public void The_window_is_half_open_and_counted_from_the_server_time(double minutes, LeasePhase expected) =>
        Assert.Equal(expected, LeaseRules.Judge(Window, Sent, LeaseElapsed.Exactly(Duration.FromMinutes(minutes))).Phase);

    [Fact]
    public void Doubt_never_lengthens_a_lease() =>
        Gen.Select(Minutes, Minutes).Sample((a, b) =>
        {
            var doubtful = LeaseRules.Judge(Window, Sent, new LeaseElapsed(Duration.Min(a, b), Duration.Max(a, b)));
            foreach (var certain in new[] { a, b }.Select(e => LeaseRules.Judge(Window, Sent, LeaseElapsed.Exactly(e))))
            {
                Assert.True(!doubtful.MayEnergise || certain.MayEnergise);
                Assert.True(!certain.MustStop || doubtful.MustStop);
                Assert.True(doubtful.Remaining <= certain.Remaining);
            }
        });

    [Fact]
    public void Once_over_a_lease_never_comes_back() =>
        Gen.Select(Minutes, Minutes).Sample((elapsed, more) =>
        {
            var now = LeaseElapsed.Exactly(elapsed);
            return !LeaseRules.Judge(Window, Sent, now).MustStop || LeaseRules.Judge(Window, Sent, now.After(more)).MustStop;
        });

    [Fact]
    public void A_step_that_fits_ends_within_the_lease_with_its_buffer_to_spare() =>
        Gen.Select(Minutes, Minutes, Minutes).Sample((elapsed, step, buffer) =>
        {
            var verdict = LeaseRules.Judge(Window, Sent, LeaseElapsed.Exactly(elapsed));
            var fits = LeaseRules.StepFits(verdict, step, buffer);
            return fits == (Window.Contains(Sent + elapsed) && Sent + elapsed + step + buffer <= Window.End);
        });
}
