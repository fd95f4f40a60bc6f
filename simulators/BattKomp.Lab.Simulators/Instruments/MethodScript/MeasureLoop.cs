namespace BattKomp.Lab.Simulators.Instruments.MethodScript;

/// <summary>The points of a measurement loop and when each is due.</summary>
public sealed class MeasureLoop
{
    private const int MostPoints = 10_000_000;
    private readonly Func<int, double> _seconds;
    private readonly Func<int, double> _value;
    private readonly int _points;
    private int _index;

    private MeasureLoop(Instruction start, char technique, int points, Func<int, double> seconds, Func<int, double> value)
    {
        (Start, Technique, _points, _seconds, _value) = (start, technique, points, seconds, value);
    }

    /// <summary>Where it begins.</summary>
    public Instruction Start { get; }

    /// <summary>The technique's digit after <c>M000</c>.</summary>
    public char Technique { get; }

    /// <summary>Whether a point is to be measured at <see cref="NextSeconds"/>.</summary>
    public bool Due { get; set; } = true;

    /// <summary>Whether points are left.</summary>
    public bool More => _index < _points;

    /// <summary>The lab second of the next point.</summary>
    public double NextSeconds => _seconds(_index);

    /// <summary>The potential (V) or frequency (Hz) of the next point.</summary>
    public double Value => _value(Math.Min(_index, _points - 1));

    /// <summary>A point has been measured.</summary>
    public void Measured()
    {
        Due = false;
        _index++;
    }

    /// <summary>Points at an interval (s) over a time (s); null when impossible.</summary>
    public static MeasureLoop? Timed(Instruction start, char technique, double from, double interval, double run) =>
        interval >= 1e-3 && run / interval is > 0 and <= MostPoints
            ? new MeasureLoop(start, technique, Math.Max(1, (int)Math.Floor(run / interval + 1e-9)), i => from + (i + 1) * interval, _ => double.NaN)
            : null;

    /// <summary>A sweep of potential (V) in steps at a rate (V/s); null when impossible.</summary>
    public static MeasureLoop? Sweep(Instruction start, double from, double begin, double end, double step, double rate)
    {
        var (size, points) = (Math.Abs(step), Math.Abs(end - begin) / Math.Abs(step));
        return size > 0 && rate > 0 && points <= MostPoints
            ? new MeasureLoop(start, '0', (int)Math.Floor(points + 1e-9) + 1, i => from + (i + 1) * size / rate, i => begin + Math.Sign(end - begin) * i * size)
            : null;
    }

    /// <summary>Frequencies (Hz), evenly spaced in their logarithm; each takes three periods, at least a fifth of a second. Null when impossible.</summary>
    public static MeasureLoop? Frequencies(Instruction start, char technique, double from, double first, double last, double points)
    {
        if (!(first > 0) || !(last > 0) || !(points is >= 1 and <= 1000)) return null;
        var count = (int)points;
        double At(int i) => count == 1 ? first : first * Math.Pow(last / first, (double)i / (count - 1));
        var due = new double[count + 1];
        for (var i = 0; i < count; i++) due[i + 1] = due[i] + Math.Max(0.2, 3 / At(i));
        return new MeasureLoop(start, technique, count, i => from + due[Math.Min(i + 1, count)], At);
    }
}
