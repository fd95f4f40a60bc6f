using BattKomp.Lab.Domain.Bookings;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Bookings;

/// <summary>The limits of bookings, as settings (<c>Bookings:HorizonDays</c> and so on).</summary>
public sealed class BookingOptions
{
    /// <summary>How far ahead a booking may end, days.</summary>
    public int HorizonDays { get; set; } = 365;

    /// <summary>Shortest booking, seconds.</summary>
    public int MinSeconds { get; set; } = 60;

    /// <summary>Longest booking, hours.</summary>
    public int MaxHours { get; set; } = 60 * 24;

    /// <summary>How long before now a booking may start, seconds.</summary>
    public int PastToleranceSeconds { get; set; } = 60;

    /// <summary>Time that stays free between neighbours on a channel, minutes.</summary>
    public int BufferMinutes { get; set; }

    /// <summary>Persons that one bench holds.</summary>
    public int PersonsPerBench { get; set; } = 4;

    /// <summary>The limits as the rules know them.</summary>
    public BookingLimits Limits() => new()
    {
        Horizon = Duration.FromDays(HorizonDays),
        MinLength = Duration.FromSeconds(MinSeconds),
        MaxLength = Duration.FromHours(MaxHours),
        PastTolerance = Duration.FromSeconds(PastToleranceSeconds),
        Buffer = Duration.FromMinutes(BufferMinutes),
        PersonsPerBench = PersonsPerBench,
    };

    /// <summary>Every mistake at once, each naming the setting and the remedy.</summary>
    public IEnumerable<string> Mistakes()
    {
        foreach (var (name, value, least) in new[]
        {
            (nameof(HorizonDays), HorizonDays, 1), (nameof(MinSeconds), MinSeconds, 0), (nameof(MaxHours), MaxHours, 1),
            (nameof(PastToleranceSeconds), PastToleranceSeconds, 0), (nameof(BufferMinutes), BufferMinutes, 0), (nameof(PersonsPerBench), PersonsPerBench, 1),
        })
            if (value < least) yield return $"Bookings:{name} is {value}: use {least} or more.";
    }
}
