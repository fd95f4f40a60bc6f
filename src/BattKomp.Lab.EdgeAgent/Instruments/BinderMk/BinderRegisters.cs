namespace BattKomp.Lab.EdgeAgent.Instruments.BinderMk;

/// <summary>Registers of the Binder MB1/MB2 controller that are used here, and its floats: 32 bits, low word first.</summary>
public static class BinderRegisters
{
    /// <summary>Bit 0: door open.</summary>
    public const int Door = 0x1007;

    /// <summary>Set point in force, float, read only.</summary>
    public const int SetPoint = 0x1077;

    /// <summary>Measured temperature, float.</summary>
    public const int Measured = 0x11A9;

    /// <summary>Twenty characters, one a word.</summary>
    public const int Text = 0x1228, TextLength = 20;

    /// <summary>1 = an alarm stands; only the panel clears it.</summary>
    public const int Alarm = 0x123D;

    /// <summary>1 = a note stands.</summary>
    public const int Note = 0x123E;

    /// <summary>Set point of the basic mode, float.</summary>
    public const int BasicSetPoint = 0x156F;

    /// <summary>Set point of the manual mode, float.</summary>
    public const int ManualSetPoint = 0x1581;

    /// <summary>Operating mode.</summary>
    public const int Mode = 0x1A22;

    /// <summary>Safety limit of class 2, float. Read only for this program: writing it does not move the real limit, which is set at the panel.</summary>
    public const int SafetyLimit = 0x1A5B;

    /// <summary>Values of <see cref="Mode"/>.</summary>
    public const ushort Idle = 0x0000, Auto = 0x0400, Manual = 0x0800, Basic = 0x1000;

    /// <summary>A float of two words, low word first.</summary>
    public static float Float(ushort low, ushort high) => BitConverter.Int32BitsToSingle((high << 16) | low);

    /// <summary>The two words of a float, low word first.</summary>
    public static ushort[] Words(float value)
    {
        var bits = BitConverter.SingleToInt32Bits(value);
        return [(ushort)bits, (ushort)(bits >> 16)];
    }

    /// <summary>The text of its words, trimmed.</summary>
    public static string TextOf(IEnumerable<ushort> words) => new string([.. words.Select(w => w is >= 0x20 and < 0x7F ? (char)w : ' ')]).Trim();

    /// <summary>A mode in words.</summary>
    public static string ModeOf(ushort mode) => mode switch { Idle => "idle", Auto => "auto", Manual => "manual", Basic => "basic", _ => "unknown" };
}
