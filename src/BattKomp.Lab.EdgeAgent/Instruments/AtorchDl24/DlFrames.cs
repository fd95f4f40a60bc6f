namespace BattKomp.Lab.EdgeAgent.Instruments.AtorchDl24;

/// <summary>What kind of meter sends FF55 frames.</summary>
public enum DlDevice : byte
{
    /// <summary>Mains meter.</summary>
    Ac = 1,

    /// <summary>Direct-current meter or load; the DL24 is one.</summary>
    Dc = 2,

    /// <summary>USB meter.</summary>
    Usb = 3,
}

/// <summary>A report of a DC meter or load, once a second, unasked.</summary>
/// <param name="Volt">V in steps of 0.1.</param>
/// <param name="Ampere">A, magnitude.</param>
/// <param name="AmpereHour">Charge counted by the device.</param>
/// <param name="WattHour">Energy counted by the device, in steps of 10 Wh.</param>
/// <param name="Celsius">°C of the power stage.</param>
/// <param name="Second">Running time.</param>
/// <param name="BacklightSecond">Time until the display goes dark.</param>
public readonly record struct DlReport(double Volt, double Ampere, double AmpereHour, double WattHour, int Celsius, int Second, int BacklightSecond);

/// <summary>What a device says on the line.</summary>
public enum DlKind
{
    /// <summary>An FF55 frame.</summary>
    Stream,

    /// <summary>A PX-100 value, 24 bits.</summary>
    Value,

    /// <summary>A PX-100 acknowledgement, 6F.</summary>
    Acknowledged,
}

/// <summary>One piece of what arrived.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Value">The 24 bits of a value.</param>
/// <param name="Bytes">The whole FF55 frame.</param>
public readonly record struct DlPiece(DlKind Kind, int Value, byte[]? Bytes);

/// <summary>PX-100 orders and questions by what they do, not by number: the numbers of two of them depend on <see cref="PxOrder"/>.</summary>
public enum PxCommand
{
    /// <summary>01: output on or off.</summary>
    Output,

    /// <summary>Cut-off voltage: 02, or 03 when swapped.</summary>
    CutOff,

    /// <summary>Current: 03, or 02 when swapped.</summary>
    Current,

    /// <summary>04: time limit, s.</summary>
    TimeOut,

    /// <summary>05: counters to zero.</summary>
    Reset,

    /// <summary>10: is the output on?</summary>
    IsOn,

    /// <summary>11: measured mV.</summary>
    Millivolt,

    /// <summary>12: measured mA.</summary>
    Milliampere,

    /// <summary>13: running time, hours, minutes and seconds in a byte each.</summary>
    Time,

    /// <summary>14: counted mAh.</summary>
    MilliampereHour,

    /// <summary>15: counted mWh.</summary>
    MilliwattHour,

    /// <summary>16: °C of the power stage.</summary>
    Celsius,

    /// <summary>17: set current, 10 mA.</summary>
    SetCurrent,

    /// <summary>18: set cut-off voltage, 10 mV.</summary>
    SetCutOff,
}

/// <summary>Which of 02 and 03 is the cut-off voltage. Sources disagree, and a wrong guess turns "3.0 V cut-off" into "3.0 A".</summary>
public enum PxOrder
{
    /// <summary>Not configured: nothing may be set.</summary>
    Unknown,

    /// <summary>02 cut-off voltage, 03 current.</summary>
    Standard,

    /// <summary>02 current, 03 cut-off voltage.</summary>
    Swapped,
}
