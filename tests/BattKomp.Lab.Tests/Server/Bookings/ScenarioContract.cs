using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>
/// Scenarios of reference/booking.md §4 that no other test of this folder carries, the same on either database; and choices of channels. Not here: 31 and 33 (they
/// are of messages, which are not sent yet), 50 (allocation rounds), 52 (lost time is taken from incidents and outages and not logged by hand).
/// </summary>
public abstract class ScenarioContract(string dialect) : IAsyncLifetime
{
    private readonly ShiftedTime _time = new();
    private BookingLab _lab = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => _lab = await BookingLab.StartAsync(dialect, o => File.WriteAllText(o.SeedFile, TestSeed.JsonWithGuardedRig), time: _time);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await _lab.DisposeAsync();
    }

    [Theory]
    [InlineData(-1.0)]
    [InlineData(0.0)]
    public async Task Scenario_01_and_Scenario_02_a_window_that_is_turned_round_or_empty_is_malformed_and_leaves_no_row(double hours)
    {
        await BookingLab.RefusedAsync(Reason.FieldsInvalid, () => _lab.BookAsync(10, hours));
        Assert.Equal(0, await _lab.CountAsync("SELECT count(*) FROM bookings"));
    }

    [Fact]
    public async Task Scenario_04_a_start_in_the_past_is_refused_and_taken_from_a_manager_who_says_why()
    {
        var wish = _lab.Wish(-1, 3);
        Assert.Equal("STARTS_IN_PAST", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.DoctoralStudent, wish))).Reason);
        wish.StateReason = "began by hand";
        Assert.Equal("began by hand", (await _lab.CreateAsync(TestSeed.LabManager, wish)).StateReason);
    }

    [Fact]
    public async Task Scenario_25_a_second_lease_of_a_booking_is_refused_by_the_database()
    {
        var made = await _lab.BookAsync(2, 2);
        _time.Forward(TimeSpan.FromHours(2.5));
        await SweepAsync("lease-issue");
        await SweepAsync("lease-issue");
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM leases WHERE booking = @n", ("n", made.Name)));
        _lab.Lab.AllowErrors = true;
        await Assert.ThrowsAnyAsync<Exception>(() => _lab.ExecuteAsync(
            "INSERT INTO leases (name, booking, agent, start_us, end_us, created_us, doc) SELECT 'leases/second', booking, agent, start_us, end_us, created_us, doc FROM leases WHERE booking = @n", ("n", made.Name)));
        Assert.Equal(1, await _lab.CountAsync("SELECT count(*) FROM leases WHERE booking = @n", ("n", made.Name)));
    }

    [Fact]
    public async Task Scenario_26_a_rig_in_part_taken_is_taken_as_a_whole_since_rigs_have_channels_and_no_child_rigs()
    {
        await _lab.BookAsync(10, 1, TestSeed.CyclerChannel(2));
        var whole = await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(10, 1, [.. Enumerable.Range(1, 4).Select(TestSeed.CyclerChannel)])));
        Assert.Equal(TestSeed.CyclerChannel(2), Assert.Single(whole).Resource);
        var listed = await _lab.As(TestSeed.Teacher).ListBookingsAsync(new ListBookingsRequest { Window = _lab.Window(10, 1), Resource = TestSeed.CyclerRig }, cancellationToken: Cancel);
        Assert.Single(listed.Bookings);
    }

    [Fact]
    public async Task Scenario_27_one_place_is_for_one_person_and_a_manager_may_come_in_beside_them()
    {
        var policies = new PolicyService.PolicyServiceClient(_lab.Lab.As(TestSeed.LabManager));
        var one = await policies.CreatePolicyAsync(new CreatePolicyRequest { Policy = new BookingPolicy { Scope = TestSeed.Lab, Pools = { new Pool { Kind = PoolKind.Seats, Capacity = 1 } } } }, cancellationToken: Cancel);
        await _lab.BookAsync(10, 1);
        var second = _lab.Wish(10, 1, TestSeed.CyclerChannel(1));
        Assert.Equal("POOL_EXHAUSTED", Assert.Single(await BookingLab.ViolationsAsync(() => _lab.CreateAsync(TestSeed.Teacher, second))).Reason);
        second.StateReason = "inspection";
        await _lab.CreateAsync(TestSeed.LabManager, second);
        await policies.RetirePolicyAsync(new RetirePolicyRequest { Name = one.Name, Reason = "larger room" }, cancellationToken: Cancel);
        await policies.CreatePolicyAsync(new CreatePolicyRequest { Policy = new BookingPolicy { Scope = TestSeed.Lab, Pools = { new Pool { Kind = PoolKind.Seats, Capacity = 5 } } } }, cancellationToken: Cancel);
        await _lab.CreateAsync(TestSeed.Teacher, _lab.Wish(10, 1, TestSeed.CyclerChannel(2)));
    }

    [Fact]
    public async Task Scenario_30_what_nobody_came_to_is_offered_when_it_is_given_up_and_not_when_it_would_have_ended()
    {
        await _lab.BookAsync(2, 8);
        var waits = new WaitService.WaitServiceClient(_lab.Lab.As(TestSeed.Teacher));
        var booking = _lab.Wish(0, 1);
        booking.Window = null;
        booking.Channels.Clear();
        await waits.JoinWaitListAsync(new JoinWaitListRequest { Booking = booking, Search = new SearchAvailabilityRequest { LengthMinutes = 60, Place = TestSeed.EbcRig, Within = _lab.Window(2, 6) } }, cancellationToken: Cancel);
        _time.Forward((_lab.Hour0 + NodaTime.Duration.FromMinutes((2 * 60) + 61)).ToDateTimeOffset() - _time.GetUtcNow());
        await _lab.ExecuteAsync("UPDATE agents SET last_seen_us = @t", ("t", _lab.Micros(4)));
        await SweepAsync("lease-issue");
        await SweepAsync("no-show");
        await SweepAsync("wait-offers");
        var offer = Assert.Single((await waits.ListWaitsAsync(new ListWaitsRequest(), cancellationToken: Cancel)).Waits);
        Assert.Equal(WaitState.Offered, offer.State);
        var hold = await _lab.As(TestSeed.Teacher).GetBookingAsync(new GetBookingRequest { Name = offer.Offer }, cancellationToken: Cancel);
        Assert.True(hold.Window.Start.ToDateTimeOffset() < (_lab.Hour0 + NodaTime.Duration.FromHours(4)).ToDateTimeOffset());
    }

    [Fact]
    public async Task Scenario_51_what_an_owner_has_not_accepted_gets_no_lease_and_is_over_at_its_start()
    {
        var asked = await _lab.BookAsync(2, 2, TestSeed.GuardedChannel);
        Assert.Equal(BookingState.Pending, asked.State);
        _time.Forward((_lab.Hour0 + NodaTime.Duration.FromHours(2.1)).ToDateTimeOffset() - _time.GetUtcNow());
        await SweepAsync("lease-issue");
        await SweepAsync("hold-expiry");
        Assert.Equal(0, await _lab.CountAsync("SELECT count(*) FROM leases WHERE booking = @n", ("n", asked.Name)));
        Assert.Equal(BookingState.Expired, (await _lab.As(TestSeed.DoctoralStudent).GetBookingAsync(new GetBookingRequest { Name = asked.Name }, cancellationToken: Cancel)).State);
    }

    [Fact]
    public async Task Any_channels_that_can_are_chosen_together_or_none_and_the_next_rig_when_one_is_taken()
    {
        var request = Any(10, new BookingPart { Count = 3, DischargeAmpere = 5 }, new BookingPart { Volt = 4 });
        await _lab.BookAsync(10, 1, TestSeed.CyclerChannel(2));
        var made = await _lab.As(TestSeed.Teacher).CreateBookingAsync(request, cancellationToken: Cancel);
        Assert.Equal([TestSeed.CyclerChannel(1), TestSeed.CyclerChannel(3), TestSeed.CyclerChannel(4), TestSeed.EbcChannel], made.Channels.Order(StringComparer.Ordinal).OrderBy(c => c.Contains("ebc")));
        Assert.Equal(made, await _lab.As(TestSeed.Teacher).CreateBookingAsync(request, cancellationToken: Cancel));
        var again = Any(10, new BookingPart { Count = 3 });
        Assert.Equal("NO_CHOICE", Assert.Single(await BookingLab.ViolationsAsync(async () => await _lab.As(TestSeed.CourseOwner).CreateBookingAsync(again, cancellationToken: Cancel))).Reason);
        var malformed = Any(10, new BookingPart { Count = 65 }, new BookingPart { Volt = -1, Place = "labs/none" });
        var error = await BookingLab.RefusedAsync(Reason.FieldsInvalid, async () => await _lab.As(TestSeed.Teacher).CreateBookingAsync(malformed, cancellationToken: Cancel));
        Assert.Contains("any[0].count", error.Status.Detail);
        malformed.Booking.Channels.Add(TestSeed.EbcChannel);
        Assert.Contains("booking.channels", (await BookingLab.RefusedAsync(Reason.FieldsInvalid, async () => await _lab.As(TestSeed.Teacher).CreateBookingAsync(malformed, cancellationToken: Cancel))).Status.Detail);
    }

    [Fact]
    public async Task Many_who_ask_for_any_channel_at_once_get_one_each_until_none_is_left()
    {
        var won = await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
        {
            try
            {
                return await _lab.As(i % 2 == 0 ? TestSeed.Teacher : TestSeed.DoctoralStudent).CreateBookingAsync(Any(10, new BookingPart { Place = TestSeed.CyclerRig }), cancellationToken: Cancel);
            }
            catch (RpcException)
            {
                return null;
            }
        }));
        Assert.Equal(4, won.Count(w => w is not null));
        Assert.Equal(4, won.OfType<Booking>().Select(b => Assert.Single(b.Channels)).Distinct().Count());
        Assert.Equal(0, await _lab.OverlapsAsync());
    }

    private CreateBookingRequest Any(double hour, params BookingPart[] parts)
    {
        var request = new CreateBookingRequest { Booking = _lab.Wish(hour, 1), RequestId = Guid.NewGuid().ToString() };
        request.Booking.Channels.Clear();
        request.Any.AddRange(parts);
        return request;
    }

    private Task SweepAsync(string name) => _lab.Lab.Services.GetServices<ISweep>().Single(s => s.Name == name).RunAsync(Cancel);
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteScenarioTests() : ScenarioContract("sqlite");

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresScenarioTests() : ScenarioContract("postgres");
