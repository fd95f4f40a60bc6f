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
        Assert.Equal("no lease: QUALIFICATION_MISSING for rigs/ebc-1; the holder and the lab can see why, and mend it", told.StateReason);

        await lab.GrantAsync();
        await lab.SweepAsync("lease-issue");
        Assert.Equal(1, await lab.Lab.CountAsync("SELECT count(*) FROM leases WHERE booking = @b", ("b", booking.Name)));
    }
}
