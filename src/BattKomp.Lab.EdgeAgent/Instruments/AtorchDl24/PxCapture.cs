using System.Globalization;

namespace BattKomp.Lab.EdgeAgent.Instruments.AtorchDl24;

/// <summary>Decodes captured PX-100 frames; a value is read in the light of the question before it.</summary>
internal sealed class PxCapture
{
    private byte? _asked;

    /// <summary>Decodes what begins here; false when it is not PX-100.</summary>
    public bool TryDecode(ReadOnlySpan<byte> bytes, out CapturedFrame frame, out int taken)
    {
        (frame, taken) = bytes switch
        {
            [0xB1, 0xB2, var number, var high, var low, 0xB6, ..] => (Ordered(number, high, low), DlCodec.OrderLength),
            [0xCA, 0xCB, var a, var b, var c, 0xCE, 0xCF, ..] => (Told(a, b, c), 7),
            [0x6F, ..] => (new CapturedFrame(true, "reply", new Dictionary<string, object?> { ["reply"] = "acknowledged" }), 1),
            _ => (null!, 0),
        };
        return taken > 0;
    }

    private CapturedFrame Ordered(byte number, byte high, byte low)
    {
        _asked = number;
        var command = number switch
        {
            0x01 => high != 0 ? "output on" : "output off",
            // These two stay numbers: which of them is the voltage depends on the device.
            0x02 or 0x03 => string.Create(CultureInfo.InvariantCulture, $"set 0x{number:X2} = {high + (low / 100.0):0.00}"),
            0x04 => $"time limit {(high << 8) | low} s",
            0x05 => "reset counters",
            0x10 => "output?",
            0x11 => "voltage?",
            0x12 => "current?",
            0x13 => "time?",
            0x14 => "capacity?",
            0x15 => "energy?",
            0x16 => "temperature?",
            0x17 => "set current?",
            0x18 => "set cut-off voltage?",
            _ => $"0x{number:X2}",
        };
        return new CapturedFrame(true, number >= 0x10 ? "request" : "command", new Dictionary<string, object?> { ["command"] = command });
    }

    private CapturedFrame Told(byte a, byte b, byte c)
    {
        var value = (a << 16) | (b << 8) | c;
        (string Name, object Value) told = _asked switch
        {
            0x10 => ("output_on", value != 0),
            0x11 => ("voltage_mv", value),
            0x12 => ("current_ma", value),
            0x13 => ("runtime_s", (a * 3600) + (b * 60) + c),
            0x14 => ("capacity_mah", value),
            0x15 => ("energy_mwh", value),
            0x16 => ("temp_c", value),
            0x17 => ("set_current_a", value / 100.0),
            0x18 => ("set_cutoff_v", value / 100.0),
            _ => ("value", value),
        };
        _asked = null;
        return new CapturedFrame(true, "reply", new Dictionary<string, object?> { [told.Name] = told.Value });
    }
}
