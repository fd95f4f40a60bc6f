namespace BattKomp.Lab.EdgeAgent.Instruments.Ebc;

/// <summary>What the device was set to do; the high half of a start command's code.</summary>
public enum EbcMode
{
    /// <summary>Constant-current discharge.</summary>
    CcDischarge = 0,

    /// <summary>Constant-power discharge.</summary>
    CpDischarge = 1,

    /// <summary>Charge at constant current, then constant voltage.</summary>
    CvCharge = 2,
}

/// <summary>Whether the device is doing it; the step of ten in a report's type.</summary>
public enum EbcPhase
{
    /// <summary>No current flows.</summary>
    Idle = 0,

    /// <summary>Current flows.</summary>
    Active = 1,

    /// <summary>Ended by the device's own cut-off or time limit.</summary>
    Finished = 2,
}

/// <summary>The three numbers of a start, adjust or resume, as they stand on the wire.</summary>
/// <param name="First">10 mA; W for constant power.</param>
/// <param name="Second">Cut-off or charge voltage, 10 mV.</param>
/// <param name="Third">Time limit in minutes (0 = none); cut-off current in 10 mA for a charge.</param>
public readonly record struct EbcSettings(int First, int Second, int Third);

/// <summary>One report of the device.</summary>
/// <param name="Mode">What it was set to do.</param>
/// <param name="Phase">Whether it is doing it.</param>
/// <param name="Ampere">Magnitude; the mode says the direction.</param>
/// <param name="Volt">Measured between the clamps.</param>
/// <param name="AmpereHour">Charge moved since the last start, either direction; a start sets it to 0, a resume does not.</param>
/// <param name="Settings">The set values; null in a firmware report, which carries the version in their place.</param>
/// <param name="Firmware">Version times 100, in firmware reports.</param>
/// <param name="Model">5 = A05, 6 = A10H, 9 = A20.</param>
/// <param name="ChecksumValid">False when the sum is wrong though the data is plausible (firmware 3.0.2 does that): the record is SUSPECT.</param>
public readonly record struct EbcReport(EbcMode Mode, EbcPhase Phase, double Ampere, double Volt, double AmpereHour, EbcSettings? Settings, int? Firmware, byte Model, bool ChecksumValid)
{
    /// <summary>Current with BDF's sign: positive charges.</summary>
    public double SignedAmpere => Ampere == 0 ? 0 : Mode == EbcMode.CvCharge ? Ampere : -Ampere;
}

/// <summary>What a host frame orders. Calibration has no member here on purpose: this program never sends it.</summary>
public enum EbcCommand
{
    /// <summary>Code 05.</summary>
    Connect = 0x05,

    /// <summary>Code 06.</summary>
    Disconnect = 0x06,

    /// <summary>Code 02.</summary>
    Stop = 0x02,

    /// <summary>Code 01, 11 or 21 by mode.</summary>
    Start = 0x01,

    /// <summary>Code 07, 17 or 27 by mode.</summary>
    Adjust = 0x07,

    /// <summary>Code 08, 18 or 28 by mode.</summary>
    Resume = 0x08,

    /// <summary>Code 0A: minutes that the host has counted.</summary>
    MinuteSync = 0x0A,

    /// <summary>Code 09: resistance pulse; decoded for captures, not sent.</summary>
    ResistancePulse = 0x09,
}

/// <summary>A decoded host frame, for captures and for peers in tests.</summary>
/// <param name="Code">First payload byte.</param>
/// <param name="Settings">The three numbers that follow it.</param>
/// <param name="ChecksumValid">Whether the printed sum is right.</param>
/// <param name="Payload">All between the borders but the sum.</param>
public readonly record struct EbcHostFrame(byte Code, EbcSettings Settings, bool ChecksumValid, byte[] Payload)
{
    /// <summary>The order, or null for a code that this program does not know (calibration among them).</summary>
    public EbcCommand? Command => Code switch
    {
        0x02 or 0x05 or 0x06 or 0x09 or 0x0A => (EbcCommand)Code,
        _ when Code >> 4 <= 2 && (Code & 0x0F) is 0x01 or 0x07 or 0x08 => (EbcCommand)(Code & 0x0F),
        _ => null,
    };

    /// <summary>The mode of a start, adjust or resume.</summary>
    public EbcMode Mode => (EbcMode)(Code >> 4);
}
