using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>What the calendar promises, the same on either database.</summary>
public abstract class CalendarContract(string dialect)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_booking_can_be_made_read_listed_and_cancelled()
    {
        await using var lab = await BookingLab.StartAsync(dialect);
        var made = await lab.BookAsync(2, 2);
        Assert.Equal(BookingState.Confirmed, made.State);
        Assert.Equal("persons/doctoral", made.Holder);
        Assert.Equal("affiliations/doctoral", made.Affiliation);
        Assert.Equal(["cell-making"], made.Stages);
        Assert.Equal(made, await lab.As(TestSeed.DoctoralStudent).GetBookingAsync(new GetBookingRequest { Name = made.Name }, cancellationToken: Cancel));
        var listed = await lab.As(TestSeed.DoctoralStudent).ListBookingsAsync(new ListBookingsRequest { Window = lab.Window(3, 1) }, cancellationToken: Cancel);
        Assert.Equal([made], listed.Bookings);
        var cancelled = await lab.As(TestSeed.DoctoralStudent).CancelBookingAsync(new CancelBookingRequest { Name = made.Name, Reason = "changed plans", Etag = made.Etag }, cancellationToken: Cancel);
        Assert.Equal((BookingState.Cancelled, "changed plans"), (cancelled.State, cancelled.StateReason));
        Assert.NotEqual(made.Etag, cancelled.Etag);
        await lab.BookAsync(2, 2);
    }

    [Fact]
    public async Task A_taken_channel_is_refused_with_the_blocking_window_and_the_nearest_free_one()
    {
        await using var lab = await BookingLab.StartAsync(dialect);
        await lab.BookAsync(2, 2);
        var violation = Assert.Single(await BookingLab.ViolationsAsync(() => lab.BookAsync(3, 2)));
        Assert.Equal(("CHANNEL_OCCUPIED", TestSeed.EbcChannel), (violation.Reason, violation.Resource));
        Assert.Equal([lab.Window(2, 2)], violation.Blocking);
        Assert.Equal(lab.Window(4, 2), violation.Nearest);
        await lab.BookAsync(4, 2);
    }
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteCalendarTests() : CalendarContract("sqlite");

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresCalendarTests() : CalendarContract("postgres");
