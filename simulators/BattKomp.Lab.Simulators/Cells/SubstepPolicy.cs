namespace BattKomp.Lab.Simulators.Cells;

/// <summary>
/// How long one integration step may be: a second of lab time, and longer only where lab time runs so fast that seconds
/// would cost more than <see cref="StepsPerMachineSecond"/> steps of work in a second of machine time.
/// </summary>
public sealed class SubstepPolicy(double speed)
{
    /// <summary>The most steps that one cell may cost in a second of machine time.</summary>
    public const double StepsPerMachineSecond = 200_000;

    // At rest the circuit's exponentials are exact, only heat is a trapezoid.
    private const double RestFactor = 30;

    /// <summary>The longest step (lab s) while current flows.</summary>
    public double UnderLoadSeconds { get; } = Math.Max(1, speed / StepsPerMachineSecond);

    /// <summary>The longest step (lab s) at rest.</summary>
    public double AtRestSeconds => UnderLoadSeconds * RestFactor;
}
