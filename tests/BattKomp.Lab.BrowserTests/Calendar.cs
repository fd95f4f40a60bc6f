using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;

namespace BattKomp.Lab.BrowserTests;

/// <summary>A machine clock that starts at nine in the morning of one day in Oslo and then runs as usual, so that "today" has room.</summary>
public sealed class Morning : TimeProvider
{
    private readonly long _began = System.GetTimestamp();

    /// <summary>Where it starts.</summary>
    public static DateTimeOffset Start { get; } = new(2026, 11, 23, 8, 0, 0, TimeSpan.Zero);

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => Start + System.GetElapsedTime(_began);
}

/// <summary>Bookings as the tests make them, over gRPC.</summary>
public static class Calendar
{
    /// <summary>A confirmed booking of two hours on a cycler channel, so many hours after <see cref="Morning.Start"/>.</summary>
    public static async Task<Booking> BookAsync(this TestLab lab, string token, int channel, int hour, string title, VisibilityKind visibility = VisibilityKind.Open)
    {
        var start = Morning.Start.AddHours(hour);
        return await new BookingService.BookingServiceClient(lab.As(token)).CreateBookingAsync(new CreateBookingRequest
        {
            RequestId = Guid.NewGuid().ToString(),
            Booking = new Booking
            {
                Channels = { TestSeed.CyclerChannel(channel) },
                Window = new TimeWindow { Start = Timestamp.FromDateTimeOffset(start), End = Timestamp.FromDateTimeOffset(start.AddHours(2)) },
                Purpose = "teaching",
                ActivityClass = "education",
                EducationLevel = "vg2",
                Headcount = 12,
                Presence = Presence.OnSite,
                Title = title,
                Visibility = new Visibility { Kind = visibility },
            },
        });
    }
}
