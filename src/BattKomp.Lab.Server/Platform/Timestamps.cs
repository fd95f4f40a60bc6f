using Google.Protobuf.WellKnownTypes;
using NodaTime;

namespace BattKomp.Lab.Server.Platform;

/// <summary>Instants between the calendar, the domain and the wire.</summary>
internal static class Timestamps
{
    internal static Timestamp FromMicros(long micros) => FromInstant(Micros.ToInstant(micros));

    internal static Timestamp? FromMicros(long? micros) => micros is { } us ? FromMicros(us) : null;

    internal static Timestamp FromInstant(Instant instant) => Timestamp.FromDateTimeOffset(instant.ToDateTimeOffset());

    internal static long ToMicros(this Timestamp stamp) => checked(stamp.Seconds * 1_000_000 + stamp.Nanos / 1000);
}
