using BattKomp.Lab.Cli;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

public sealed class TimeTextTests
{
    private static readonly TimeProvider At = new Fixed(new DateTimeOffset(2026, 11, 23, 8, 0, 0, 500, TimeSpan.Zero));

    [Theory]
    [InlineData("2026-11-23T08:00Z", "2026-11-23T08:00:00Z")]
    [InlineData("2026-11-23T09:00+01:00", "2026-11-23T08:00:00Z")]
    [InlineData("2026-11-23T09:00:30.25+01:00", "2026-11-23T08:00:30.25Z")]
    [InlineData("now", "2026-11-23T08:00:01Z")]
    [InlineData("+2h", "2026-11-23T10:00:01Z")]
    [InlineData("+1d30m", "2026-11-24T08:30:01Z")]
    [InlineData("-1h", "2026-11-23T07:00:01Z")]
    public void Times_are_read(string text, string utc) =>
        Assert.Equal(DateTimeOffset.Parse(utc, System.Globalization.CultureInfo.InvariantCulture), TimeText.Instant(text, "--start", At));

    private sealed class Fixed(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
