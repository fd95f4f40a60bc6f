using BattKomp.Lab.EdgeAgent.Safety;
using BattKomp.Lab.V1;
using Xunit;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.Tests.EdgeAgent.Safety;

public class ProgramTests
{
    private static readonly ChannelLimits Limits = new() { MaxVolt = 4.2, MinVolt = 2.5, MaxChargeAmpere = 5, MaxDischargeAmpere = 10, MaxWatt = 60 };

    [Fact]
    public void Loops_nest_and_a_position_is_found_again_by_its_count()
    {
        // (1 (2 ×3) ×2) 5: inner loop back to step 2 twice more, outer back to step 1 once more.
        var program = Of(Rest(), Rest(), Loop(2, 2), Loop(1, 1), Rest());
        var walked = Walk(new ProgramCursor(program));
        Assert.Equal([1, 2, 2, 2, 1, 2, 2, 2, 5], walked.Select(e => e.StepId));
        Assert.Equal(Enumerable.Range(1, 9), walked.Select(e => e.StepCount));
        Assert.Equal([1, 1, 2, 3, 4, 4, 5, 6, 6], walked.Select(e => e.Cycle));
        for (var count = 1; count <= 9; count++)
            Assert.Equal(walked[count - 1], new ProgramCursor(program).SkipTo(count));
        Assert.Null(new ProgramCursor(program).SkipTo(10));
    }

    [Theory]
    [InlineData(Kind.CcDischarge, 11, 3, 0, 60, "11 A discharge")]
    [InlineData(Kind.CcDischarge, 1, 2, 0, 60, "cut-off 2 V")]
    [InlineData(Kind.CccvCharge, 6, 4.2, 0, 60, "6 A charge")]
    [InlineData(Kind.CccvCharge, 1, 4.3, 0, 60, "4.3 V; the channel's highest")]
    [InlineData(Kind.CpDischarge, 0, 3, 61, 60, "61 W")]
    [InlineData(Kind.CcDischarge, 1, 3, 0, 0, "max_seconds must be finite")]
    [InlineData(Kind.CcDischarge, 1, 3, 0, double.PositiveInfinity, "max_seconds must be finite")]
    [InlineData(Kind.CcDischarge, double.NaN, 3, 0, 60, "NaN A discharge")]
    public void What_is_beyond_the_channel_is_a_fault(Kind kind, double ampere, double volt, double watt, double seconds, string fault)
    {
        var step = new Step { Kind = kind, Ampere = ampere, Volt = volt, Watt = watt, MaxSeconds = seconds };
        Assert.Contains(Faults(Of(step)), f => f.StartsWith("step 1: ", StringComparison.Ordinal) && f.Contains(fault, StringComparison.Ordinal));
    }

    [Fact]
    public void A_program_within_the_limits_with_its_own_hash_has_no_fault() =>
        Assert.Empty(Faults(Of(Rest(), new Step { Kind = Kind.CcDischarge, Ampere = 1, Volt = 3, MaxSeconds = 60 }, Loop(1, 3))));

    [Fact]
    public void A_loop_forward_is_a_fault() => Assert.NotEmpty(Faults(Of(Rest(), Loop(2, 1))));

    private static IReadOnlyList<string> Faults(BattKomp.Lab.V1.Program program) =>
        ProgramCheck.Faults(new LeasedChannel { Program = program, ProcedureSha256 = ProgramCheck.HashOf(program) }, Limits);

    private static List<StepExecution> Walk(ProgramCursor cursor)
    {
        var all = new List<StepExecution>();
        while (cursor.Next() is { } next)
            all.Add(next);
        return all;
    }

    private static BattKomp.Lab.V1.Program Of(params Step[] steps) => new() { Steps = { steps } };

    private static Step Rest() => new() { Kind = Kind.Rest, MaxSeconds = 1 };

    private static Step Loop(int to, int repeat) => new() { Kind = Kind.Loop, GotoStep = to, Repeat = repeat };
}
