using System.Text.Json.Nodes;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Qualifications;

/// <summary>What a booking was made on must still hold when it begins; scenario numbers are those of the booking study, §4.</summary>
public sealed class LeaseOfQualifiedTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory, InlineData("sqlite"), InlineData("postgres")]
    public async Task Scenario_24_a_rig_is_not_leased_to_a_holder_who_lost_what_it_asks_for_until_it_is_there_again(string dialect)
    {
        await using var lab = await PeopleLab.StartAsync(dialect, rig => rig["qualificationRequired"] = new JsonObject { ["level"] = "INDEPENDENT_USER" });
        var held = await lab.GrantAsync();
        var booking = await lab.Lab.CreateAsync(TestSeed.DoctoralStudent, lab.FromNow());
        await lab.RevokeAsync(held.Name);

        await lab.SweepAsync("lease-issue");
        await lab.SweepAsync("lease-issue");
        Assert.Equal(0, await lab.Lab.CountAsync("SELECT count(*) FROM leases"));
        var told = await lab.Lab.As(TestSeed.DoctoralStudent).GetBookingAsync(new GetBookingRequest { Name = booking.Name }, cancellationToken: Cancel);
        // The rule and the rig, and no word of what the holder has.
        Assert.Equal("its holder gets no lease: QUALIFICATION_MISSING for rigs/ebc-1; the holder and the lab can see why, and mend it", told.StateReason);

        await lab.GrantAsync();
        await lab.SweepAsync("lease-issue");
        Assert.Equal(1, await lab.Lab.CountAsync("SELECT count(*) FROM leases WHERE booking = @b", ("b", booking.Name)));
    }

    [Fact]
    public async Task Time_that_a_holder_lost_the_right_to_is_given_up_after_the_grace_like_one_to_which_nobody_came()
    {
        await using var lab = await PeopleLab.StartAsync("sqlite", rig => rig["qualificationRequired"] = new JsonObject { ["level"] = "INDEPENDENT_USER" });
        var held = await lab.GrantAsync();
        var booking = await lab.Lab.CreateAsync(TestSeed.DoctoralStudent, lab.FromNow(hours: 8));
        await lab.RevokeAsync(held.Name);
        await lab.SweepAsync("lease-issue");
        var options = lab.Lab.Lab.Options.Bookings;
        lab.Time.Forward((options.GraceOf(booking.Purpose, "") ?? throw new InvalidOperationException("research has a grace")).ToTimeSpan() + TimeSpan.FromMinutes(1));
        await lab.SweepAsync("lease-issue");
        await lab.SweepAsync("no-show");
        var given = await lab.Lab.As(TestSeed.DoctoralStudent).GetBookingAsync(new GetBookingRequest { Name = booking.Name }, cancellationToken: Cancel);
        Assert.Equal(BookingState.NoShow, given.State);
        await lab.GrantAsync(PeopleLab.Wish("persons/teacher"));
        await lab.Lab.CreateAsync(TestSeed.Teacher, lab.FromNow());
    }
}
