using BattKomp.Lab.EdgeAgent.Hosting;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;

namespace BattKomp.Lab.EdgeAgent.Instruments.Modbus;

/// <summary>A channel's own Modbus settings.</summary>
/// <param name="Unit">Address of the device, 1–247.</param>
/// <param name="ReplyMilliseconds">Longest time to a reply.</param>
public sealed record ModbusSettings(byte Unit, int ReplyMilliseconds)
{
    /// <summary>Reads <c>unit</c> and <c>reply_ms</c> of a channel.</summary>
    internal static ModbusSettings Read(JsonFields channel, byte unit, int replyMilliseconds)
    {
        var asked = channel.Number("unit", unit, 1, 255);
        if (asked != Math.Floor(asked))
            channel.Mistake("unit", $"is {asked}; a whole number is needed");
        return new ModbusSettings((byte)asked, (int)channel.Number("reply_ms", replyMilliseconds, 20, 10_000));
    }

    /// <summary>The line that a session asks on.</summary>
    internal ModbusLine Open(SessionSetup setup) =>
        new(setup.Line, Unit, new RequestTiming(TimeSpan.FromMilliseconds(ReplyMilliseconds), ModbusLine.Silence(setup.Config.Baud)) { Baud = setup.Config.Baud }, setup.Machine);
}
